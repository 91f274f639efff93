(* T2: many exchanges with one source. What combine() and claim() answer contains the offset, if it is honest. *)
From Coq Require Import Reals ZArith List Bool Lra Lia.
From Sdwdate Require Import Physics Transfer.
Import ListNotations.
Open Scope R_scope.

(* Closed bounds in integers contain a real offset. *)
Definition contains (b : bounds) (x : R) : Prop := IZR (lower b) <= x <= IZR (upper b).

Definition widened (b : bounds) (by_ : Z) : bounds := Bounds (lower b - by_) (upper b + by_).

(* What the raw clock drifts, per nanosecond. *)
Definition rho (o : options) : R := IZR (drift_ppm o) / 1000000.

Lemma drift_is_enough : forall o elapsed, (0 <= drift_ppm o)%Z -> rho o * IZR elapsed <= IZR (drift o elapsed).
Proof.
  intros o elapsed Ppm. unfold rho, drift.
  assert (Part : IZR elapsed <= 1000000 * IZR (elapsed / 1000000 + 1)).
  { rewrite <- mult_IZR. apply IZR_le.
    pose proof (Z.div_mod elapsed 1000000 ltac:(lia)). pose proof (Z.mod_pos_bound elapsed 1000000 ltac:(lia)). lia. }
  rewrite mult_IZR. apply IZR_le in Ppm.
  replace (IZR (drift_ppm o) / 1000000 * IZR elapsed) with (IZR (drift_ppm o) * (IZR elapsed / 1000000)) by lra.
  rewrite (Rmult_comm (IZR (elapsed / 1000000 + 1))). apply Rmult_le_compat_l; [assumption|lra].
Qed.

(* The largest of some numbers is one of them, and no other is larger; likewise the smallest. *)
Lemma largest_is_one : forall first rest, In (largest first rest) (first :: rest).
Proof.
  intros first rest. induction rest as [|x rest IH]; [left; reflexivity|].
  cbn. destruct (Z.max_dec x (largest first rest)) as [Same|Same]; unfold largest in *; rewrite Same; cbn in *; tauto.
Qed.

Lemma smallest_is_one : forall first rest, In (smallest first rest) (first :: rest).
Proof.
  intros first rest. induction rest as [|x rest IH]; [left; reflexivity|].
  cbn. destruct (Z.min_dec x (smallest first rest)) as [Same|Same]; unfold smallest in *; rewrite Same; cbn in *; tauto.
Qed.

Lemma largest_bounds : forall first rest x, In x (first :: rest) -> (x <= largest first rest)%Z.
Proof.
  intros first rest. induction rest as [|y rest IH]; cbn; intros x Member.
  - destruct Member as [<- | []]. lia.
  - destruct Member as [<- | [<- | Member]]; [specialize (IH first)|lia|specialize (IH x)]; cbn in IH;
      unfold largest in IH; intuition lia.
Qed.

Lemma smallest_bounds : forall first rest x, In x (first :: rest) -> (smallest first rest <= x)%Z.
Proof.
  intros first rest. induction rest as [|y rest IH]; cbn; intros x Member.
  - destruct Member as [<- | []]. lia.
  - destruct Member as [<- | [<- | Member]]; [specialize (IH first)|lia|specialize (IH x)]; cbn in IH;
      unfold smallest in IH; intuition lia.
Qed.

Section Source.

Variable reference : R -> R.
Variable o : options.
(* By how much the clocks of the machines behind the source's name may be wrong. *)
Variable wrong : R.
(* From the first request until the instant the bounds are for. *)
Variables from till : Z.

Let D := D reference.

(* One exchange with an honest source: what each kind of answer must be true of. Whatever is not used for an end need
   not be true: an answer that another one unmasks may be of any age. *)
Record honest (es : list exchange) (e : exchange) : Prop := {
  in_order : IZR from <= IZR (sent e) <= IZR (received e) /\ IZR (received e) <= IZR till;
  all_answers :  (* right when it was written, and that was before it came *)
    written_before reference wrong (IZR (received e)) (IZR ((date e + spread e) * second));
  own_answers :  (* A1, A2, A3 *)
    ours es e = true ->
    written_between reference wrong one_second (IZR (lag o)) (IZR (sent e)) (IZR (received e)) (IZR (date e * second));
  cached_answers :  (* A1, A2, A3, A5 *)
    forall a, age e = Some a -> (a <= longest_age)%Z ->
    cached_between reference wrong (IZR (lag o)) (IZR (sent e)) (IZR (received e)) (IZR (date e * second))
                   (IZR (a * second));
  finer_times :
    forall f, fine e = Some f -> fine_agrees o e f = true ->
    written_before reference wrong (IZR (received e)) (IZR (shown f));
  own_finer_times :
    forall f, fine e = Some f -> fine_ours o es e f = true ->
    written_between reference wrong (IZR (unit_of f)) (IZR (fine_lag o)) (IZR (sent e)) (IZR (received e))
                    (IZR (shown f))
}.

Hypothesis ppm : (0 <= drift_ppm o)%Z.
(* A4. *)
Hypothesis drift_within : steady reference (rho o) (IZR from) (IZR till).
Hypothesis time_passes : forward reference (IZR till).

Lemma rho_positive : 0 <= rho o.
Proof. unfold rho. apply IZR_le in ppm. lra. Qed.

Ltac to_reals := rewrite ?plus_IZR, ?minus_IZR.

(* Every lower end is below the offset, up to what the machines' clocks are wrong by. *)
Lemma lower_ends_true : forall es, (forall e, In e es -> honest es e) ->
  forall x, In x (lower_ends o es till) -> IZR x - wrong <= D (IZR till).
Proof.
  intros es Honest x Inside. apply in_flat_map in Inside. destruct Inside as [e [Member Inside]].
  destruct (Honest e Member) as [[Order End] Date _ _ Finer _].
  pose proof rho_positive as Positive.
  pose proof (drift_is_enough o (till - sent e) ppm) as Enough. rewrite minus_IZR in Enough.
  unfold lower_ends_of in Inside. destruct Inside as [<- | Inside].
  - to_reals.
    pose proof (lower_end reference wrong _ _ _ (IZR (sent e)) _ _ Positive drift_within time_passes Order End Date).
    unfold D. lra.
  - destruct (fine e) as [f|]; [|destruct Inside].
    destruct (fine_agrees o e f) eqn:Agrees; [|destruct Inside].
    destruct Inside as [<- | []]. to_reals.
    pose proof (lower_end reference wrong _ _ _ (IZR (sent e)) _ _ Positive drift_within time_passes Order End
                          (Finer f eq_refl Agrees)).
    unfold D. lra.
Qed.

(* Every upper end is above it. *)
Lemma upper_ends_true : forall es, (forall e, In e es -> honest es e) ->
  forall x, In x (upper_ends o es till) -> D (IZR till) <= IZR x + wrong.
Proof.
  intros es Honest x Inside. apply in_flat_map in Inside. destruct Inside as [e [Member Inside]].
  destruct (Honest e Member) as [[Order End] _ Own Cached _ Finer].
  pose proof rho_positive as Positive.
  pose proof (drift_is_enough o (till - sent e) ppm) as Enough. rewrite minus_IZR in Enough.
  unfold upper_ends_of in Inside. apply in_app_or in Inside. destruct Inside as [Inside | Inside].
  - unfold true_for in Inside. destruct (ours es e).
    + destruct Inside as [<- | []]. to_reals.
      pose proof (upper_end reference wrong _ _ _ _ _ _ _ _ Positive drift_within Order End (Own eq_refl)).
      unfold D, one_second, second in *. lra.
    + destruct (age e) as [a|]; [|destruct Inside].
      destruct (Z.leb_spec a longest_age) as [Young|]; [|destruct Inside].
      destruct Inside as [<- | []]. to_reals.
      pose proof (upper_end_cached reference wrong _ _ _ _ _ _ _ _ Positive drift_within Order End
                                   (Cached a eq_refl Young)).
      unfold D, one_second, second in *. lra.
  - destruct (fine e) as [f|]; [|destruct Inside].
    destruct (fine_ours o es e f) eqn:Ours; [|destruct Inside].
    destruct Inside as [<- | []]. to_reals.
    pose proof (upper_end reference wrong _ _ _ _ _ _ _ _ Positive drift_within Order End (Finer f eq_refl Ours)).
    unfold D. lra.
Qed.

(* T2. Honest exchanges with machines whose clocks are right: the bounds contain the offset. With machines that are
   wrong by up to the slack: they do if the answers contradict each other, so that the slack was used, and are off by as
   much as the machines if not. *)
Theorem combine_sound_within : forall es b,
  (forall e, In e es -> honest es e) -> 0 <= wrong <= IZR (slack o) ->
  combine o es till = inl b ->
  IZR (lower b) - wrong <= D (IZR till) <= IZR (upper b) + wrong.
Proof.
  intros es b Honest Wrong. unfold combine.
  pose proof (lower_ends_true es Honest) as Lower. pose proof (upper_ends_true es Honest) as Upper.
  destruct (lower_ends o es till) as [|l ls]; [discriminate|].
  destruct (upper_ends o es till) as [|u us]; [discriminate|].
  specialize (Lower _ (largest_is_one l ls)). specialize (Upper _ (smallest_is_one u us)).
  destruct (Z.leb_spec (largest l ls) (smallest u us)) as [|Gap].
  - destruct (_ && _); [discriminate|]. intros Result. injection Result as <-. cbn. lra.
  - destruct (Z.ltb_spec (slack o) (largest l ls - smallest u us)); [discriminate|].
    intros Result. injection Result as <-. cbn. apply IZR_lt in Gap. to_reals. lra.
Qed.

(* The slack: if some lower end lies above some upper end, and combine() answers all the same, then its answer contains
   the offset, with machines that are wrong by up to the slack. *)
Theorem T2_slack : forall es b l u,
  (forall e, In e es -> honest es e) -> wrong <= IZR (slack o) ->
  In l (lower_ends o es till) -> In u (upper_ends o es till) -> (u < l)%Z ->
  combine o es till = inl b -> contains b (D (IZR till)).
Proof.
  intros es b l' u' Honest Wrong. unfold combine, contains.
  pose proof (lower_ends_true es Honest) as Lower. pose proof (upper_ends_true es Honest) as Upper.
  destruct (lower_ends o es till) as [|l ls]; [discriminate|].
  destruct (upper_ends o es till) as [|u us]; [discriminate|].
  specialize (Lower _ (largest_is_one l ls)). specialize (Upper _ (smallest_is_one u us)).
  intros Low High Cross. apply largest_bounds in Low. apply smallest_bounds in High.
  destruct (Z.leb_spec (largest l ls) (smallest u us)) as [|Gap]; [lia|].
  destruct (Z.ltb_spec (slack o) (largest l ls - smallest u us)); [discriminate|].
  intros Result. injection Result as <-. cbn. apply IZR_lt in Gap. to_reals. lra.
Qed.

(* An honest source whose machines are right never contradicts itself. *)
Theorem T2_no_contradiction : forall es,
  (forall e, In e es -> honest es e) -> wrong = 0 -> combine o es till <> inr contradiction.
Proof.
  intros es Honest Right. unfold combine.
  pose proof (lower_ends_true es Honest) as Lower. pose proof (upper_ends_true es Honest) as Upper.
  destruct (lower_ends o es till) as [|l ls]; [discriminate|].
  destruct (upper_ends o es till) as [|u us]; [discriminate|].
  specialize (Lower _ (largest_is_one l ls)). specialize (Upper _ (smallest_is_one u us)).
  assert (largest l ls <= smallest u us)%Z as Order by (apply le_IZR; lra).
  apply Z.leb_le in Order. rewrite Order. destruct (_ && _); discriminate.
Qed.

End Source.

(* T2, as docs/estimate.md states it: every machine is right. *)
Theorem T2 : forall reference o from till es b,
  (0 <= drift_ppm o)%Z -> (0 <= slack o)%Z ->
  steady reference (rho o) (IZR from) (IZR till) -> forward reference (IZR till) ->
  (forall e, In e es -> honest reference o 0 from till es e) ->
  combine o es till = inl b -> contains b (D reference (IZR till)).
Proof.
  intros reference o from till es b Ppm Slack Steady Forward Honest Result. apply IZR_le in Slack.
  pose proof (combine_sound_within reference o 0 from till Ppm Steady Forward es b Honest ltac:(lra) Result).
  unfold contains. lra.
Qed.

(* The certain bounds: they contain the offset though the source is up to `latest`, a second, late: in the hypothesis,
   A3 is that of allowing_late. *)
Theorem T2_certain : forall reference o from till es c,
  (0 <= drift_ppm o)%Z -> (0 <= slack o)%Z ->
  steady reference (rho o) (IZR from) (IZR till) -> forward reference (IZR till) ->
  (forall e, In e es -> honest reference (allowing_late o) 0 from till es e) ->
  claim o es till = inl c -> contains (certain c) (D reference (IZR till)).
Proof.
  intros reference o from till es c Ppm Slack Steady Forward Honest.
  pose proof (fun b => T2 reference (allowing_late o) from till es b Ppm Slack Steady Forward Honest) as Wide.
  unfold claim. destruct (combine (allowing_late o) es till) as [wide|]; [|discriminate].
  specialize (Wide wide eq_refl). unfold contains in *.
  destruct (combine o es till) as [close|why].
  - intros Result. injection Result as <-. cbn.
    pose proof (IZR_le _ _ (Z.le_min_l (lower wide) (lower close))).
    pose proof (IZR_le _ _ (Z.le_max_l (upper wide) (upper close))). lra.
  - destruct why; try discriminate. destruct (has_ticked es); [|discriminate].
    intros Result. injection Result as <-. exact Wide.
Qed.

(* The narrow bounds: they contain the offset if the source is prompt. *)
Theorem T2_narrow : forall reference o from till es c,
  (0 <= drift_ppm o)%Z -> (0 <= slack o)%Z ->
  steady reference (rho o) (IZR from) (IZR till) -> forward reference (IZR till) ->
  (forall e, In e es -> honest reference o 0 from till es e) ->
  claim o es till = inl c -> contains (narrow c) (D reference (IZR till)).
Proof.
  intros reference o from till es c Ppm Slack Steady Forward Honest.
  pose proof (fun b => T2 reference o from till es b Ppm Slack Steady Forward Honest) as Close.
  pose proof (T2_no_contradiction reference o 0 from till Ppm Steady Forward es Honest eq_refl) as Never.
  unfold claim. destruct (combine (allowing_late o) es till) as [wide|]; [|discriminate].
  destruct (combine o es till) as [close|why].
  - intros Result. injection Result as <-. exact (Close close eq_refl).
  - destruct why; try discriminate. congruence.
Qed.

(* The certain bounds reach at least as far as the narrow ones. *)
Theorem certain_contains_narrow : forall o es till c,
  claim o es till = inl c ->
  (lower (certain c) <= lower (narrow c))%Z /\ (upper (narrow c) <= upper (certain c))%Z.
Proof.
  intros o es till c. unfold claim. destruct (combine (allowing_late o) es till) as [wide|]; [|discriminate].
  destruct (combine o es till) as [close|why].
  - intros Result. injection Result as <-. cbn. lia.
  - destruct why; try discriminate. destruct (has_ticked es); [|discriminate].
    intros Result. injection Result as <-. cbn. lia.
Qed.

(* An answer that was made for its request by a prompt, right server is honest in the sense above, whatever else the
   source has said: A1 to A3 are all that one needs to know of it. *)
Theorem own_answer_is_honest : forall reference o from till es e,
  (from <= sent e <= received e)%Z -> (received e <= till)%Z -> (spread e = 0)%Z -> age e = None -> fine e = None ->
  written_between reference 0 one_second (IZR (lag o)) (IZR (sent e)) (IZR (received e)) (IZR (date e * second)) ->
  honest reference o 0 from till es e.
Proof.
  intros reference o from till es e Order End One Age Fine Written.
  split; try (rewrite Age || rewrite Fine; discriminate).
  - destruct Order. repeat split; apply IZR_le; assumption.
  - rewrite One, Z.add_0_r. exact (between_is_before _ _ _ _ _ _ _ Written).
  - intros _. exact Written.
Qed.

(* Who is prompt is honest by the certain measure, too (finer times aside, which have a lag of their own). *)
Theorem prompt_is_honest_late : forall reference o from till es e,
  fine e = None -> honest reference o 0 from till es e -> honest reference (allowing_late o) 0 from till es e.
Proof.
  intros reference o from till es e Fine [Order All Own Cached _ _].
  assert (More : IZR (lag o) <= IZR (lag (allowing_late o))) by (apply IZR_le; cbn; unfold latest, second; lia).
  split; try (rewrite Fine; discriminate); try assumption.
  - intros Mine. exact (later_lag _ _ _ _ _ _ _ _ More (Own Mine)).
  - intros a Age Young. destruct (Cached a Age Young) as (w & s & c & Cause & Old & Right & [x Lag] & Passed).
    exists w, s, c. repeat split; try tauto. exists x. lra.
Qed.

