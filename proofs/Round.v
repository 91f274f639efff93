(* What agree() says of a round: its bounds, its truechimers and its estimate. *)
From Coq Require Import Reals ZArith List Bool Permutation Sorted Arith Lia Lra.
From Sdwdate Require Import Physics Transfer TransferSound Agreement AgreementSound Order.
Import ListNotations.
Open Scope Z_scope.

Lemma asked_positive : forall q votes, 0 <= asked_of q votes.
Proof. intros q votes. unfold asked_of, answered. lia. Qed.

Lemma certain_is_hull : forall votes q,
  votes <> [] -> agreed_certain (agree votes q) = agreed_hull (asked_of q votes) (map certainly votes).
Proof.
  intros [|vote rest] q Some; [congruence|]. unfold agree, agree_if.
  destruct (agreed_hull _ (map certainly (vote :: rest))); reflexivity.
Qed.

Lemma narrow_is_from_hull : forall votes q, claims_narrow (agree votes q) = true ->
  exists close wide,
    agreed_hull (asked_of q votes) (map narrowly votes) = Some close /\
    agreed_hull (asked_of q votes) (map certainly votes) = Some wide /\
    agreed_bounds (agree votes q) = Some (narrow_bounds votes close wide).
Proof.
  intros [|vote rest] q; [discriminate|]. unfold agree, agree_if.
  destruct (agreed_hull _ (map certainly (vote :: rest))) as [wide|]; [|discriminate]. cbv zeta.
  cbn [claims_narrow agreed_bounds].
  destruct (agreed_hull _ (map narrowly (vote :: rest))) as [close|].
  - intros Claim. rewrite Claim. exists close, wide. auto.
  - rewrite andb_false_r. discriminate.
Qed.

(* Each source's certain bounds contain its narrow ones (TransferSound.v, certain_contains_narrow). *)
Definition certain_is_wider (votes : list vote) : Prop :=
  forall v, In v votes -> lower (says_certainly v) <= lower (says v) /\ upper (says v) <= upper (says_certainly v).

(* Then the agreed ones do so, too. *)
Theorem narrow_within_certain : forall n votes close, 0 <= n ->
  certain_is_wider votes ->
  agreed_hull n (map narrowly votes) = Some close ->
  exists wide, agreed_hull n (map certainly votes) = Some wide /\
    lower wide <= lower close /\ upper close <= upper wide.
Proof.
  intros n votes close Asked Within Hull. apply ends_are_covered in Hull. destruct Hull as [Low [High _]].
  assert (More : forall x, count (map narrowly votes) x <= count (map certainly votes) x).
  { intros x. unfold count, covering.
    pose proof (NoDup_incl_length
                  (NoDup_nodup Z.eq_dec (map fst (filter (fun s : said => holds (snd s) x) (map narrowly votes))))
                  (l' := operators_of (filter (fun s : said => holds (snd s) x) (map certainly votes)))) as Less.
    unfold operators_of in *. apply Nat2Z.inj_le, Less. clear - Within.
    intros who Covers. apply (in_operators (fun s : said => holds (snd s) x)) in Covers.
    destruct Covers as [b [Member Holds]]. apply (in_operators (fun s : said => holds (snd s) x)).
    apply in_map_iff in Member. destruct Member as [v [Same Member]]. injection Same as <- <-.
    exists (says_certainly v). split; [apply in_map_iff; exists v; split; [reflexivity|assumption]|].
    apply holds_contains. apply holds_contains in Holds. specialize (Within v Member). cbn in *. lia. }
  pose proof (majority_positive n Asked) as Positive.
  destruct (covered_is_inside (majority n) (map certainly votes) (IZR (lower close)) Positive) as [wide [Is InLow]];
    [rewrite right_count_of_integer; specialize (More (lower close)); lia|].
  destruct (covered_is_inside (majority n) (map certainly votes) (IZR (upper close)) Positive) as [wide' [Is' InHigh]];
    [rewrite right_count_of_integer; specialize (More (upper close)); lia|].
  exists wide. split; [assumption|]. rewrite Is in Is'. injection Is' as <-.
  destruct InLow as [InLow _]. destruct InHigh as [_ InHigh]. apply le_IZR in InLow, InHigh. auto.
Qed.

(* T4 (a) for the certain bounds: it needs no more than that a majority of those asked is honest. *)
Theorem agree_certain : forall votes q D, votes <> [] ->
  2 * wrong_or_failed (asked_of q votes) (map certainly votes) D < asked_of q votes ->
  exists b, agreed_certain (agree votes q) = Some b /\ contains b D.
Proof.
  intros votes q D Some Few. rewrite (certain_is_hull votes q Some). apply T4_a; [apply asked_positive|assumption].
Qed.

Lemma closeness_positive : forall votes, 0 <= closeness votes.
Proof.
  intros votes. unfold closeness. destruct (hull_of (map guess votes)) as [b|] eqn:Hull; [|lia].
  apply hull_of_some in Hull. destruct Hull as [Low [_ Inside]]. specialize (Inside _ Low). lia.
Qed.

(* What is claimed contains the hull of the narrow bounds, though it may reach further up. *)
Lemma narrow_bounds_reach : forall votes close wide, lower wide <= lower close -> upper close <= upper wide ->
  lower (narrow_bounds votes close wide) = lower close /\
  upper close <= upper (narrow_bounds votes close wide) <= upper wide.
Proof.
  intros votes close wide Low High. unfold narrow_bounds.
  pose proof (closeness_positive (close_ones close (credible wide votes))).
  destruct (_ =? _); cbn; lia.
Qed.

(* and for the narrow ones, if they are claimed and a majority is prompt, too. *)
Theorem agree_narrow : forall votes q D, certain_is_wider votes -> claims_narrow (agree votes q) = true ->
  2 * wrong_or_failed (asked_of q votes) (map narrowly votes) D < asked_of q votes ->
  exists b, agreed_bounds (agree votes q) = Some b /\ contains b D.
Proof.
  intros votes q D Wider Claim Few.
  destruct (narrow_is_from_hull votes q Claim) as (close & wide & Close & Wide & Bounds).
  destruct (narrow_within_certain _ _ _ (asked_positive q votes) Wider Close) as (wide' & Is & Low & High).
  rewrite Wide in Is. injection Is as <-.
  destruct (narrow_bounds_reach votes close wide Low High) as [Same [Reach _]].
  destruct (T4_a _ _ _ (asked_positive q votes) Few) as (hull & Is & Inside).
  rewrite Close in Is. injection Is as <-.
  exists (narrow_bounds votes close wide). split; [assumption|].
  apply IZR_le in Reach. unfold contains in *. rewrite Same. lra.
Qed.

(* Without the narrow claim, the bounds are the certain ones. *)
Theorem agree_not_narrow : forall votes q, claims_narrow (agree votes q) = false ->
  agreed_bounds (agree votes q) = agreed_certain (agree votes q).
Proof.
  intros [|vote rest] q; [reflexivity|]. unfold agree, agree_if.
  destruct (agreed_hull _ (map certainly (vote :: rest))); [|reflexivity]. cbv zeta.
  cbn [claims_narrow agreed_bounds agreed_certain].
  destruct (agreed_hull _ (map narrowly (vote :: rest))); [|reflexivity].
  intros Claim. rewrite Claim. reflexivity.
Qed.

(* A spread round never makes the narrow claim. *)
Theorem agree_spread : forall votes q, spread_round q = true -> claims_narrow (agree votes q) = false.
Proof.
  intros [|vote rest] q Spread; [reflexivity|]. unfold agree, agree_if, reason_for_narrow. rewrite Spread.
  destruct (agreed_hull _ (map certainly (vote :: rest))); reflexivity.
Qed.

(* --- truechimers ------------------------------------------------------------------------------------------------- *)

Lemma both_contain : forall x y D, contains x D -> contains y D -> touches x y = true.
Proof.
  unfold contains, touches. intros x y D InX InY. apply andb_true_iff. rewrite !Z.leb_le.
  split; apply le_IZR; lra.
Qed.

(* If what it is judged by contains D, every right source is a truechimer: every falseticker is wrong. First, where the
   narrow claim is made, *)
Theorem right_is_truechimer_narrowly : forall votes q D b i v, claims_narrow (agree votes q) = true ->
  agreed_bounds (agree votes q) = Some b -> contains b D ->
  nth_error votes i = Some v -> contains (says v) D -> nth_error (truechimer (agree votes q)) i = Some true.
Proof.
  intros votes q D b i v Claim Bounds Inside Is Right.
  destruct (narrow_is_from_hull votes q Claim) as (close & wide & Close & Wide & Same).
  rewrite Bounds in Same. injection Same as ->.
  revert Claim. destruct votes as [|vote rest]; [discriminate|]. unfold agree, agree_if. rewrite Wide, Close. cbv zeta.
  cbn [claims_narrow truechimer]. intros Claim. rewrite Claim. rewrite (map_nth_error _ _ _ Is). f_equal.
  cbn. exact (both_contain _ _ D Right Inside).
Qed.

(* then, where it is not: if a majority says the same narrowly, by that; *)
Theorem right_is_truechimer_apart : forall votes q D close i v, claims_narrow (agree votes q) = false ->
  spread_round q = false -> agreed_certain (agree votes q) <> None ->
  agreed_hull (asked_of q votes) (map narrowly votes) = Some close -> contains close D ->
  nth_error votes i = Some v -> contains (says v) D -> nth_error (truechimer (agree votes q)) i = Some true.
Proof.
  intros votes q D close i v Claim Spread Some Close Inside Is Right.
  revert Claim Some. destruct votes as [|vote rest]; [destruct i; discriminate|]. unfold agree, agree_if. rewrite Close.
  destruct (agreed_hull _ (map certainly (vote :: rest))) as [wide|]; [|cbn; congruence]. cbv zeta.
  cbn [claims_narrow truechimer]. intros Claim _. rewrite Claim, Spread. rewrite (map_nth_error _ _ _ Is). f_equal.
  cbn. exact (both_contain _ _ D Right Inside).
Qed.

(* and else by the certain bounds. *)
Theorem right_is_truechimer_certainly : forall votes q D b i v, claims_narrow (agree votes q) = false ->
  spread_round q = true \/ agreed_hull (asked_of q votes) (map narrowly votes) = None ->
  agreed_bounds (agree votes q) = Some b -> contains b D ->
  nth_error votes i = Some v -> contains (says_certainly v) D -> nth_error (truechimer (agree votes q)) i = Some true.
Proof.
  intros votes q D b i v Claim Kind Bounds Inside Is Right. rewrite (agree_not_narrow _ _ Claim) in Bounds.
  destruct votes as [|vote rest]; [discriminate|]. rewrite certain_is_hull in Bounds by discriminate.
  revert Claim. unfold agree, agree_if. rewrite Bounds. cbv zeta. cbn [claims_narrow truechimer].
  intros Claim. rewrite Claim. rewrite (map_nth_error _ _ _ Is). f_equal. unfold tells_true.
  destruct Kind as [Spread | None].
  - rewrite Spread. destruct (agreed_hull _ (map narrowly (vote :: rest))); exact (both_contain _ _ D Right Inside).
  - rewrite None. exact (both_contain _ _ D Right Inside).
Qed.

(* --- the estimate ------------------------------------------------------------------------------------------------ *)

(* It lies within the agreed bounds. *)
Theorem estimate_inside : forall votes q b, certain_is_wider votes -> agreed_bounds (agree votes q) = Some b ->
  lower b <= estimate (agree votes q) <= upper b.
Proof.
  intros votes q b Wider Bounds.
  assert (Order : lower b <= upper b).
  { destruct (claims_narrow (agree votes q)) eqn:Claim.
    - destruct (narrow_is_from_hull votes q Claim) as (close & wide & Close & Wide & Same).
      destruct (narrow_within_certain _ _ _ (asked_positive q votes) Wider Close) as (wide' & Is & Low & High).
      rewrite Wide in Is. injection Is as <-. rewrite Bounds in Same. injection Same as ->.
      pose proof (narrow_bounds_reach votes close wide Low High). apply ends_are_covered in Close. lia.
    - rewrite (agree_not_narrow _ _ Claim) in Bounds. destruct votes as [|vote rest]; [discriminate|].
      rewrite certain_is_hull in Bounds by discriminate. apply ends_are_covered in Bounds. tauto. }
  clear Wider. revert Bounds. destruct votes as [|vote rest]; [discriminate|]. unfold agree, agree_if.
  destruct (agreed_hull _ (map certainly (vote :: rest))); [|discriminate]. cbv zeta.
  cbn [estimate agreed_bounds].
  match goal with |- Some ?x = _ -> _ => set (agreed_on := x) end.
  intros Bounds. assert (agreed_on = b) as -> by congruence. unfold clamp. lia.
Qed.

Lemma all_later : forall s i m, StronglySorted Z.le s -> (i < length s)%nat -> m < nth i s 0 ->
  (length (filter (fun x => Z.leb x m) s) <= i)%nat.
Proof.
  induction s as [|x s IH]; cbn; intros i m Sorted Short Later; [lia|].
  inversion Sorted as [|? ? Rest Least]. subst. rewrite Forall_forall in Least. destruct i as [|i].
  - destruct (Z.leb_spec x m); [lia|]. replace (filter (fun x => x <=? m) s) with (@nil Z); [cbn; lia|].
    symmetry. clear - Least Later. induction s as [|y s IH]; [reflexivity|]. cbn.
    destruct (Z.leb_spec y m); [specialize (Least y (or_introl eq_refl)); lia|].
    apply IH. intros z Member. apply Least. right. assumption.
  - specialize (IH i m Rest ltac:(lia) Later). destruct (x <=? m); cbn; lia.
Qed.

Lemma all_before : forall s i m, StronglySorted Z.le s -> (i < length s)%nat -> nth i s 0 < m ->
  (length (filter (fun x => Z.leb m x) s) + i < length s)%nat.
Proof.
  induction s as [|x s IH]; cbn; intros i m Sorted Short Before; [lia|].
  inversion Sorted as [|? ? Rest Least]. subst. rewrite Forall_forall in Least.
  assert (Early : x < m).
  { destruct i as [|i]; [assumption|]. assert (Member : In (nth i s 0) s) by (apply nth_In; lia).
    specialize (Least _ Member). lia. }
  destruct (Z.leb_spec m x); [lia|]. destruct i as [|i].
  - clear. assert (forall l : list Z, (length (filter (fun x => Z.leb m x) l) <= length l)%nat) as Less;
      [|specialize (Less s); lia].
    induction l as [|y l IH]; cbn; [lia|]. destruct (m <=? y); cbn; lia.
  - specialize (IH i m Rest ltac:(lia) Before). lia.
Qed.

Lemma nth_sorted : forall s i, StronglySorted Z.le s -> (S i < length s)%nat -> nth i s 0 <= nth (S i) s 0.
Proof.
  induction s as [|x s IH]; intros i Sorted Short; [cbn in Short; lia|].
  inversion Sorted as [|? ? Rest Least]. subst. rewrite Forall_forall in Least. cbn in Short. destruct i as [|i].
  - cbn. apply Least, nth_In. lia.
  - cbn. apply IH; [assumption|lia].
Qed.

(* Of twice k numbers, more than k are at least, or at most, m: so is the median. *)
Lemma median_at_least : forall l k m, length l = (2 * k)%nat -> (k < length (filter (fun x => Z.leb m x) l))%nat ->
  m <= median l.
Proof.
  intros l k m Length Many. unfold median. rewrite Length, Nat.div2_double.
  replace (Nat.odd (2 * k)) with false by (rewrite Nat.odd_mul; reflexivity).
  pose proof (Sorting.Permuted_sort l) as Order. pose proof (sort_sorted l) as Sorted.
  rewrite (Permutation_length Order) in Length. rewrite (Permutation_length (filter_order _ _ _ _ Order)) in Many.
  set (s := Sorting.sort l) in *. destruct k as [|k].
  { destruct s; [cbn in Many; lia|discriminate]. }
  replace (S k - 1)%nat with k by lia.
  assert (m <= nth k s 0)
    by (apply Z.nlt_ge; intros Before; pose proof (all_before s k m Sorted ltac:(lia) Before); lia).
  pose proof (nth_sorted s k Sorted ltac:(lia)). unfold midpoint.
  pose proof (Z.div_pos (nth (S k) s 0 - nth k s 0) 2). lia.
Qed.

Lemma median_at_most : forall l k m, length l = (2 * k)%nat -> (k < length (filter (fun x => Z.leb x m) l))%nat ->
  median l <= m.
Proof.
  intros l k m Length Many. unfold median. rewrite Length, Nat.div2_double.
  replace (Nat.odd (2 * k)) with false by (rewrite Nat.odd_mul; reflexivity).
  pose proof (Sorting.Permuted_sort l) as Order. pose proof (sort_sorted l) as Sorted.
  rewrite (Permutation_length Order) in Length. rewrite (Permutation_length (filter_order _ _ _ _ Order)) in Many.
  set (s := Sorting.sort l) in *. destruct k as [|k].
  { destruct s; [cbn in Many; lia|discriminate]. }
  replace (S k - 1)%nat with k by lia.
  assert (nth (S k) s 0 <= m)
    by (apply Z.nlt_ge; intros Later; pose proof (all_later s (S k) m Sorted ltac:(lia) Later); lia).
  pose proof (nth_sorted s k Sorted ltac:(lia)). unfold midpoint.
  pose proof (Z.div_mod (nth (S k) s 0 - nth k s 0) 2 ltac:(lia)).
  pose proof (Z.mod_pos_bound (nth (S k) s 0 - nth k s 0) 2 ltac:(lia)). lia.
Qed.

Section Guesses.

Variable votes : list vote.
Let who_says := nodup Z.eq_dec (map operator votes).
Let says_what who := guess_of (of_operator votes who).
(* More than half of the operators. *)
Variable good : list Z.
Hypothesis once : NoDup good.
Hypothesis theirs : incl good who_says.
Hypothesis many : (length who_says < 2 * length good)%nat.

Lemma two_ends : forall l,
  length (flat_map (fun who => [lower (says_what who); upper (says_what who)]) l) = (2 * length l)%nat.
Proof. induction l as [|who l IH]; cbn in *; lia. Qed.

Lemma many_ends : forall p : Z -> bool,
  (forall who, In who good -> p (lower (says_what who)) = true /\ p (upper (says_what who)) = true) ->
  (length who_says <
   length (filter p (flat_map (fun who => [lower (says_what who); upper (says_what who)]) who_says)))%nat.
Proof.
  intros p Good.
  assert (Twice : forall l, (2 * length (filter (fun who => is_in who good) l) <=
     length (filter p (flat_map (fun who => [lower (says_what who); upper (says_what who)]) l)))%nat).
  { induction l as [|who l IH]; [cbn; lia|]. cbn. destruct (is_in who good) eqn:Is.
    - apply is_in_In in Is. destruct (Good who Is) as [Low High]. rewrite Low, High. cbn in *. lia.
    - destruct (p (lower (says_what who))); destruct (p (upper (says_what who))); cbn in *; lia. }
  specialize (Twice who_says).
  assert (Incl : incl good (filter (fun who => is_in who good) who_says)).
  { intros who Is. apply filter_In. split; [apply theirs; assumption|apply is_in_In; assumption]. }
  pose proof (NoDup_incl_length once Incl). lia.
Qed.

(* A minority cannot move the median of the guesses out of the range of what the others say. *)
Theorem T4_estimate : forall least most,
  (forall who, In who good ->
     least <= lower (says_what who) <= most /\ least <= upper (says_what who) <= most) ->
  least <= median_of_guesses votes <= most.
Proof.
  intros least most Good. unfold median_of_guesses. split.
  - apply (median_at_least _ (length who_says)); [apply two_ends|]. apply many_ends.
    intros who Is. rewrite !Z.leb_le. specialize (Good who Is). lia.
  - apply (median_at_most _ (length who_says)); [apply two_ends|]. apply many_ends.
    intros who Is. rewrite !Z.leb_le. specialize (Good who Is). lia.
Qed.

End Guesses.
