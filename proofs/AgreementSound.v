(* T4: agreement between sources. What agree() answers contains the offset, if a majority of those asked is right. *)
From Coq Require Import Reals ZArith List Bool Permutation Lra Lia.
From Sdwdate Require Import Physics Transfer TransferSound Agreement.
Import ListNotations.
Open Scope Z_scope.

(* --- who covers a real point ------------------------------------------------------------------------------------- *)

Definition holds_real (b : bounds) (x : R) : bool :=
  if Rle_dec (IZR (lower b)) x then if Rle_dec x (IZR (upper b)) then true else false else false.

Lemma holds_real_contains : forall b x, holds_real b x = true <-> contains b x.
Proof.
  unfold holds_real, contains. intros b x.
  destruct (Rle_dec (IZR (lower b)) x); destruct (Rle_dec x (IZR (upper b))); split; intros; try discriminate; tauto.
Qed.

Lemma holds_contains : forall b x, holds b x = true <-> lower b <= x <= upper b.
Proof. unfold holds. intros. rewrite andb_true_iff, !Z.leb_le. reflexivity. Qed.

Lemma holds_real_of_integer : forall b x, holds_real b (IZR x) = holds b x.
Proof.
  intros b x. apply eq_true_iff_eq. rewrite holds_real_contains, holds_contains. unfold contains.
  split; intros [Low High]; split; try (apply le_IZR; assumption); apply IZR_le; assumption.
Qed.

(* An operator is right if its bounds contain the offset D, and wrong otherwise, for whatever reason. *)
Definition right_operators (l : list said) (D : R) : list Z :=
  operators_of (filter (fun s : said => holds_real (snd s) D) l).
Definition right_count (l : list said) (D : R) : Z := Z.of_nat (length (right_operators l D)).

Definition is_in (x : Z) (l : list Z) : bool := if in_dec Z.eq_dec x l then true else false.
Definition wrong_operators (l : list said) (D : R) : list Z :=
  filter (fun who => negb (is_in who (right_operators l D))) (operators_of l).
Definition wrong_count (l : list said) (D : R) : Z := Z.of_nat (length (wrong_operators l D)).

(* Of n that were asked: those that answered wrongly, and those that did not answer. *)
Definition wrong_or_failed (n : Z) (l : list said) (D : R) : Z := n - right_count l D.

(* --- counting ---------------------------------------------------------------------------------------------------- *)

Lemma in_operators : forall (p : said -> bool) l who,
  In who (operators_of (filter p l)) <-> exists b, In (who, b) l /\ p (who, b) = true.
Proof.
  intros p l who. unfold operators_of. rewrite nodup_In, in_map_iff. split.
  - intros [[w b] [Same Member]]. cbn in Same. subst w. apply filter_In in Member. exists b. exact Member.
  - intros [b Member]. exists (who, b). split; [reflexivity|]. apply filter_In. exact Member.
Qed.

Lemma in_all_operators : forall l who, In who (operators_of l) <-> exists b, In (who, b) l.
Proof.
  intros l who. unfold operators_of. rewrite nodup_In, in_map_iff. split.
  - intros [[w b] [Same Member]]. cbn in Same. subst w. exists b. exact Member.
  - intros [b Member]. exists (who, b). auto.
Qed.

Lemma not_empty : forall (x : Z) l, In x l -> 0 < Z.of_nat (length l).
Proof. intros x [|y l] Member; [destruct Member|cbn; lia]. Qed.

(* Whoever covers one point and always another with it: at least as many cover that. *)
Lemma count_grows : forall (p q : said -> bool) l,
  (forall s, In s l -> p s = true -> q s = true) ->
  (length (operators_of (filter p l)) <= length (operators_of (filter q l)))%nat.
Proof.
  intros p q l Implies. apply NoDup_incl_length; [apply NoDup_nodup|].
  intros who. rewrite !in_operators. intros [b [Member Covers]]. exists b. auto.
Qed.

Lemma right_count_of_integer : forall l x, right_count l (IZR x) = count l x.
Proof.
  intros l x. unfold right_count, count, right_operators, covering. do 3 f_equal.
  apply filter_ext. intros s. apply holds_real_of_integer.
Qed.

Lemma filter_parts : forall (p : Z -> bool) l,
  (length (filter p l) + length (filter (fun x => negb (p x)) l) = length l)%nat.
Proof. intros p l. induction l as [|x l IH]; cbn; [reflexivity|]. destruct (p x); cbn; lia. Qed.

Lemma is_in_In : forall x l, is_in x l = true <-> In x l.
Proof. intros x l. unfold is_in. destruct (in_dec Z.eq_dec x l); split; intros; try discriminate; tauto. Qed.

(* Whoever answered is right or wrong. *)
Lemma right_and_wrong : forall l D, right_count l D + wrong_count l D = answered l.
Proof.
  intros l D. unfold right_count, wrong_count, answered, wrong_operators.
  rewrite <- (filter_parts (fun who => is_in who (right_operators l D)) (operators_of l)).
  rewrite Nat2Z.inj_add. do 2 f_equal. apply Permutation_length, NoDup_Permutation.
  - apply NoDup_nodup.
  - apply NoDup_filter, NoDup_nodup.
  - intros who. rewrite filter_In, is_in_In. split; [|tauto]. intros Right. split; [|assumption].
    apply in_operators in Right. destruct Right as [b [Member _]]. apply in_all_operators. exists b. exact Member.
Qed.

(* --- the ends of bounds ------------------------------------------------------------------------------------------ *)

Lemma largest_of_some : forall l : list Z, l <> [] -> exists x, In x l /\ forall y, In y l -> y <= x.
Proof.
  intros [|x rest] Some; [congruence|]. exists (largest x rest).
  split; [apply largest_is_one|]. intros y. apply largest_bounds.
Qed.

Lemma smallest_of_some : forall l : list Z, l <> [] -> exists x, In x l /\ forall y, In y l -> x <= y.
Proof.
  intros [|x rest] Some; [congruence|]. exists (smallest x rest).
  split; [apply smallest_is_one|]. intros y. apply smallest_bounds.
Qed.

(* Below a covered point, in everything that covers it, lies a lower end; *)
Lemma lower_end_below : forall l x, 0 < right_count l x ->
  exists s, In s l /\ (IZR (lower (snd s)) <= x)%R /\
    forall t, In t l -> holds_real (snd t) x = true -> holds (snd t) (lower (snd s)) = true.
Proof.
  intros l x Covered.
  destruct (largest_of_some (map (fun s : said => lower (snd s)) (filter (fun s : said => holds_real (snd s) x) l)))
    as [low [Is Most]].
  { intros None. apply map_eq_nil in None. unfold right_count, right_operators in Covered. rewrite None in Covered.
    cbn in Covered. lia. }
  apply in_map_iff in Is. destruct Is as [s [Low Member]]. apply filter_In in Member. destruct Member as [Member Holds].
  exists s. subst low. split; [assumption|]. apply holds_real_contains in Holds. unfold contains in Holds.
  split; [lra|]. intros t Also Covers. apply holds_contains. split.
  - apply Most. apply in_map_iff. exists t. split; [reflexivity|]. apply filter_In. auto.
  - apply holds_real_contains in Covers. unfold contains in Covers. apply le_IZR. lra.
Qed.

(* and above it an upper end. *)
Lemma upper_end_above : forall l x, 0 < right_count l x ->
  exists s, In s l /\ (x <= IZR (upper (snd s)))%R /\
    forall t, In t l -> holds_real (snd t) x = true -> holds (snd t) (upper (snd s)) = true.
Proof.
  intros l x Covered.
  destruct (smallest_of_some (map (fun s : said => upper (snd s)) (filter (fun s : said => holds_real (snd s) x) l)))
    as [up [Is Least]].
  { intros None. apply map_eq_nil in None. unfold right_count, right_operators in Covered. rewrite None in Covered.
    cbn in Covered. lia. }
  apply in_map_iff in Is. destruct Is as [s [Up Member]]. apply filter_In in Member. destruct Member as [Member Holds].
  exists s. subst up. split; [assumption|]. apply holds_real_contains in Holds. unfold contains in Holds.
  split; [lra|]. intros t Also Covers. apply holds_contains. split.
  - apply holds_real_contains in Covers. unfold contains in Covers. apply le_IZR. lra.
  - apply Least. apply in_map_iff. exists t. split; [reflexivity|]. apply filter_In. auto.
Qed.

Lemma hull_of_some : forall l b, hull_of l = Some b ->
  In (lower b) l /\ In (upper b) l /\ forall x, In x l -> lower b <= x <= upper b.
Proof.
  intros [|x rest] b; [discriminate|]. intros Hull. injection Hull as <-. cbn [lower upper].
  split; [apply smallest_is_one|]. split; [apply largest_is_one|].
  intros y Member. split; [apply smallest_bounds|apply largest_bounds]; assumption.
Qed.

Lemma hull_of_exists : forall l x, In x l -> exists b, hull_of l = Some b.
Proof. intros [|y rest] x Member; [destruct Member|]. eexists. reflexivity. Qed.

Lemma in_covered : forall enough l x,
  In x (filter (fun x => enough <=? count l x) (ends l)) <-> In x (ends l) /\ enough <= count l x.
Proof. intros. rewrite filter_In, Z.leb_le. reflexivity. Qed.

Lemma end_of : forall l s, In s l -> In (lower (snd s)) (ends l) /\ In (upper (snd s)) (ends l).
Proof. intros l s Member. unfold ends. split; apply in_flat_map; exists s; cbn; tauto. Qed.

(* A point that enough operators cover lies in the hull, though the program looks at ends only. *)
Theorem covered_is_inside : forall enough l x,
  0 < enough -> enough <= right_count l x -> exists b, covered_hull enough l = Some b /\ contains b x.
Proof.
  intros enough l x Positive Enough.
  destruct (lower_end_below l x) as (s & Is & Below & Lower); [lia|].
  destruct (upper_end_above l x) as (t & Also & Above & Upper); [lia|].
  assert (More : forall z, (forall t, In t l -> holds_real (snd t) x = true -> holds (snd t) z = true) ->
                           enough <= count l z).
  { intros z Implies. unfold right_count, right_operators, count, covering in *.
    pose proof (count_grows (fun s => holds_real (snd s) x) (fun s => holds (snd s) z) l Implies). lia. }
  pose proof (proj2 (in_covered enough l (lower (snd s))) (conj (proj1 (end_of l s Is)) (More _ Lower))) as Low.
  pose proof (proj2 (in_covered enough l (upper (snd t))) (conj (proj2 (end_of l t Also)) (More _ Upper))) as High.
  unfold covered_hull. destruct (hull_of_exists _ _ Low) as [b Hull]. exists b. split; [assumption|].
  apply hull_of_some in Hull. destruct Hull as [_ [_ Inside]].
  pose proof (Inside _ Low) as [InLow _]. pose proof (Inside _ High) as [_ InHigh].
  apply IZR_le in InLow, InHigh. unfold contains. lra.
Qed.

(* Both ends of the hull are themselves covered by enough. *)
Theorem ends_are_covered : forall enough l b,
  covered_hull enough l = Some b ->
  enough <= count l (lower b) /\ enough <= count l (upper b) /\ lower b <= upper b.
Proof.
  unfold covered_hull. intros enough l b Hull. apply hull_of_some in Hull. destruct Hull as [Low [High Inside]].
  pose proof (Inside _ Low). apply in_covered in Low, High. tauto.
Qed.

Lemma majority_is_more_than_half : forall n k, majority n <= k <-> n < 2 * k.
Proof.
  intros n k. unfold majority. pose proof (Z.div_mod n 2 ltac:(lia)). pose proof (Z.mod_pos_bound n 2 ltac:(lia)). lia.
Qed.

Lemma majority_positive : forall n, 0 <= n -> 0 < majority n.
Proof. intros n Some. unfold majority. pose proof (Z.div_pos n 2 Some ltac:(lia)). lia. Qed.

(* --- T4 (a): if fewer than half of those asked are wrong or failed, the agreed bounds exist and contain D -------- *)

Theorem T4_a : forall n l D, 0 <= n -> 2 * wrong_or_failed n l D < n ->
  exists b, agreed_hull n l = Some b /\ contains b D.
Proof.
  intros n l D Some Few. apply covered_is_inside; [apply majority_positive; assumption|].
  apply majority_is_more_than_half. unfold wrong_or_failed in Few. lia.
Qed.

(* --- T4 (b) ------------------------------------------------------------------------------------------------------ *)

(* The agreed bounds contain what all right operators' bounds have in common: *)
Theorem T4_b_common : forall n l D x, 0 <= n -> 2 * wrong_or_failed n l D < n ->
  (forall who, In who (right_operators l D) -> In who (right_operators l x)) ->
  exists b, agreed_hull n l = Some b /\ contains b x.
Proof.
  intros n l D x Some Few Common. apply covered_is_inside; [apply majority_positive; assumption|].
  apply majority_is_more_than_half. unfold wrong_or_failed, right_count in *.
  pose proof (NoDup_incl_length (NoDup_nodup Z.eq_dec _) Common) as Less.
  unfold right_operators, operators_of in *. lia.
Qed.

(* What more than the wrong ones cover, one that is right covers. *)
Lemma some_right_one : forall l D x, wrong_count l D < count l x ->
  exists who b, In (who, b) l /\ In who (right_operators l D) /\ holds b x = true.
Proof.
  intros l D x More.
  assert (One : exists who, In who (covering l x) /\ In who (right_operators l D)).
  { destruct (existsb (fun who => is_in who (right_operators l D)) (covering l x)) eqn:Any.
    - apply existsb_exists in Any. destruct Any as [who [Covers Right]]. apply is_in_In in Right. exists who. auto.
    - exfalso. assert (Incl : incl (covering l x) (wrong_operators l D)).
      { intros who Covers. apply filter_In. split.
        - apply in_operators in Covers. destruct Covers as [b [Member _]].
          apply in_all_operators. exists b. exact Member.
        - destruct (is_in who (right_operators l D)) eqn:Right; [|reflexivity].
          cbn. rewrite <- Any. apply existsb_exists. exists who. auto. }
      pose proof (NoDup_incl_length (NoDup_nodup Z.eq_dec _) Incl) as Less.
      unfold wrong_count, count, covering, operators_of in *. lia. }
  destruct One as [who [Covers Right]]. apply in_operators in Covers. destruct Covers as [b [Member Holds]].
  exists who, b. auto.
Qed.

(* both ends lie within the bounds of some right operator, if no more than half of those asked answered wrongly; *)
Theorem T4_b_ends : forall n l D b, 2 * wrong_count l D <= n -> agreed_hull n l = Some b ->
  (exists who c, In (who, c) l /\ In who (right_operators l D) /\ holds c (lower b) = true) /\
  (exists who c, In (who, c) l /\ In who (right_operators l D) /\ holds c (upper b) = true).
Proof.
  intros n l D b Few Hull. apply ends_are_covered in Hull. destruct Hull as [Low [High _]].
  apply majority_is_more_than_half in Low, High. split; apply some_right_one; lia.
Qed.

(* An operator with one vote is right by that vote. *)
Lemma right_by_its_vote : forall l D who c,
  NoDup (map fst l) -> In (who, c) l -> In who (right_operators l D) -> contains c D.
Proof.
  intros l D who c Once Member Right. apply in_operators in Right. destruct Right as [b [Also Holds]].
  apply holds_real_contains in Holds. cbn in Holds. replace c with b; [assumption|].
  clear Holds. induction l as [|[w x] l IH]; [destruct Member|]. cbn in Once. inversion Once as [|? ? Fresh Rest].
  subst.
  destruct Member as [Same|Member]; destruct Also as [Same'|Also].
  - congruence.
  - exfalso. apply Fresh. injection Same as -> _. apply in_map_iff. exists (who, b). auto.
  - exfalso. apply Fresh. injection Same' as -> _. apply in_map_iff. exists (who, c). auto.
  - exact (IH Rest Member Also).
Qed.

(* so that, each operator having one vote at most w wide, neither end is further than w from D. *)
Theorem T4_b_width : forall n l D b w,
  NoDup (map fst l) -> 2 * wrong_count l D <= n -> agreed_hull n l = Some b ->
  (forall who c, In (who, c) l -> contains c D -> upper c - lower c <= w) ->
  (Rabs (IZR (lower b) - D) <= IZR w /\ Rabs (IZR (upper b) - D) <= IZR w)%R.
Proof.
  intros n l D b w Once Few Hull Wide.
  destruct (T4_b_ends n l D b Few Hull) as [(who & c & Member & Right & Holds) (who' & c' & Member' & Right' & Holds')].
  assert (Near : forall who c x, In (who, c) l -> In who (right_operators l D) -> holds c x = true ->
                                 (Rabs (IZR x - D) <= IZR w)%R).
  { clear - Once Wide. intros who c x Member Right Holds.
    pose proof (right_by_its_vote l D who c Once Member Right) as Inside. specialize (Wide who c Member Inside).
    apply holds_contains in Holds. destruct Holds as [Low High]. apply IZR_le in Low, High, Wide.
    rewrite minus_IZR in Wide. unfold contains in Inside. apply Rabs_le. lra. }
  split; [apply (Near who c)|apply (Near who' c')]; assumption.
Qed.

(* --- T4 (d): failures -------------------------------------------------------------------------------------------- *)

(* A source of a round: whose it is, and what it answered; and what it says, if anything, of the offset at `till`. *)
Record source := Source { run_by : Z; talk : list exchange }.

Definition what_is_said (o : options) (till : Z) (s : source) : list said :=
  match claim o (talk s) till with inl c => [(run_by s, certain c)] | inr _ => [] end.

Definition round_says (o : options) (till : Z) (sources : list source) : list said :=
  flat_map (what_is_said o till) sources.

(* A source that fails changes nothing that others say. *)
Theorem T4_d : forall o till before s after why, claim o (talk s) till = inr why ->
  round_says o till (before ++ s :: after) = round_says o till before ++ round_says o till after.
Proof.
  intros o till before s after why Fails. unfold round_says. rewrite flat_map_app. cbn.
  unfold what_is_said at 2. rewrite Fails. reflexivity.
Qed.

(* That it counts as asked can only make the agreed bounds narrower, or none. *)
Theorem T4_d_counts : forall n more l b, 0 <= n <= more -> agreed_hull more l = Some b ->
  exists wide, agreed_hull n l = Some wide /\ lower wide <= lower b /\ upper b <= upper wide.
Proof.
  intros n more l b Order Hull. apply ends_are_covered in Hull. destruct Hull as [Low [High _]].
  assert (Less : majority n <= majority more) by (unfold majority; pose proof (Z.div_le_mono n more 2); lia).
  pose proof (majority_positive n (proj1 Order)) as Positive.
  destruct (covered_is_inside (majority n) l (IZR (lower b)) Positive) as [wide [Is InLow]];
    [rewrite right_count_of_integer; lia|].
  destruct (covered_is_inside (majority n) l (IZR (upper b)) Positive) as [wide' [Is' InHigh]];
    [rewrite right_count_of_integer; lia|].
  exists wide. split; [assumption|]. rewrite Is in Is'. injection Is' as <-.
  destruct InLow as [InLow _]. destruct InHigh as [_ InHigh]. apply le_IZR in InLow, InHigh. auto.
Qed.

(* --- T4 (e): a spread round -------------------------------------------------------------------------------------- *)

Lemma count_at_most_answered : forall l D, right_count l D <= answered l.
Proof. intros l D. pose proof (right_and_wrong l D). unfold wrong_count in *. lia. Qed.

Lemma most_is_most : forall l D, right_count l D <= most_covering l.
Proof.
  intros l D. destruct (Z.le_gt_cases (right_count l D) 0) as [None|Some].
  - apply Z.le_trans with 0; [assumption|]. unfold most_covering. apply largest_bounds. left. reflexivity.
  - destruct (lower_end_below l D Some) as (s & Is & _ & Lower).
    apply Z.le_trans with (count l (lower (snd s))).
    + unfold right_count, right_operators, count, covering.
      pose proof (count_grows (fun s => holds_real (snd s) D) (fun t => holds (snd t) (lower (snd s))) l Lower). lia.
    + unfold most_covering. apply largest_bounds. right. apply in_map_iff. exists s. auto.
Qed.

Lemma most_at_most_answered : forall l, most_covering l <= answered l.
Proof.
  intros l. unfold most_covering.
  destruct (largest_is_one 0 (map (fun s : said => count l (lower (snd s))) l)) as [Zero|Is].
  - rewrite <- Zero. unfold answered. lia.
  - apply in_map_iff in Is. destruct Is as [s [<- _]]. rewrite <- right_count_of_integer. apply count_at_most_answered.
Qed.

(* If no operator is wrong, what the most operators cover contains D. *)
Theorem T4_e_none_wrong : forall l D, l <> [] -> wrong_count l D = 0 ->
  exists b, covered_hull (most_covering l) l = Some b /\ contains b D.
Proof.
  intros l D Some None. pose proof (right_and_wrong l D) as All.
  pose proof (most_is_most l D). pose proof (most_at_most_answered l).
  apply covered_is_inside; [|lia].
  assert (0 < answered l); [|lia]. destruct l as [|[who b] l]; [congruence|].
  unfold answered. apply (not_empty who). apply in_all_operators. exists b. left. reflexivity.
Qed.

(* If no more than half are, and what the most cover is covered by more than two thirds of those asked, each of its
   points lies within a right operator's bounds. *)
Theorem T4_e_minority_wrong : forall n l D b x, 0 <= n ->
  NoDup (map fst l) -> 2 * wrong_count l D <= n -> 2 * n < 3 * most_covering l ->
  covered_hull (most_covering l) l = Some b -> contains b x ->
  exists who c, In (who, c) l /\ contains c D /\ contains c x.
Proof.
  intros n l D b x Asked Once Few Most Hull Inside. apply ends_are_covered in Hull. destruct Hull as [Low [High _]].
  destruct (some_right_one l D (lower b)) as (who & c & Member & Right & Holds); [lia|].
  destruct (some_right_one l D (upper b)) as (who' & c' & Member' & Right' & Holds'); [lia|].
  pose proof (right_by_its_vote l D who c Once Member Right) as In_c.
  pose proof (right_by_its_vote l D who' c' Once Member' Right') as In_c'.
  apply holds_contains in Holds, Holds'. destruct Holds as [Holds _]. destruct Holds' as [_ Holds'].
  apply IZR_le in Holds, Holds'. unfold contains in *.
  destruct (Rle_dec x D); [exists who, c|exists who', c']; repeat split; try assumption; lra.
Qed.

(* --- T1, T2 and T4 together -------------------------------------------------------------------------------------- *)

(* The certain bounds of a round: if more than half of the n operators asked have a source that is honest, prompt or up
   to a second late, and says something, the agreed bounds exist and contain the offset. *)
Theorem honest_majority : forall reference o from till n sources good,
  (0 <= drift_ppm o) -> (0 <= slack o) -> 0 <= n ->
  steady reference (rho o) (IZR from) (IZR till) -> forward reference (IZR till) ->
  NoDup good -> n < 2 * Z.of_nat (length good) ->
  (forall who, In who good -> exists s c, In s sources /\ run_by s = who /\ claim o (talk s) till = inl c /\
     forall e, In e (talk s) -> honest reference (allowing_late o) 0 from till (talk s) e) ->
  exists b, agreed_hull n (round_says o till sources) = Some b /\ contains b (D reference (IZR till)).
Proof.
  intros reference o from till n sources good Ppm Slack Asked Steady Forward Once Many Good.
  apply covered_is_inside; [apply majority_positive; assumption|]. apply majority_is_more_than_half.
  assert (Right : incl good (right_operators (round_says o till sources) (D reference (IZR till)))).
  { intros who Is. destruct (Good who Is) as (s & c & Member & Who & Says & Honest).
    apply in_operators. exists (certain c). split.
    - apply in_flat_map. exists s. split; [assumption|]. unfold what_is_said. rewrite Says, Who. left. reflexivity.
    - apply holds_real_contains. exact (T2_certain reference o from till _ c Ppm Slack Steady Forward Honest Says). }
  pose proof (NoDup_incl_length Once Right). unfold right_count. lia.
Qed.
