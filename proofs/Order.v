(* T4 (c): the result does not depend on the order of the sources. And what an estimate can be. *)
From Coq Require Import ZArith List Bool Permutation Sorted Lia.
From Sdwdate Require Import Transfer TransferSound Agreement AgreementSound.
Import ListNotations.
Open Scope Z_scope.

(* --- lists in another order -------------------------------------------------------------------------------------- *)

Lemma filter_order : forall A (p : A -> bool) l l', Permutation l l' -> Permutation (filter p l) (filter p l').
Proof.
  intros A p l l' Order. induction Order; cbn.
  - constructor.
  - destruct (p x); [constructor|]; assumption.
  - destruct (p x); destruct (p y); first [apply perm_swap | apply Permutation_refl].
  - eapply Permutation_trans; eassumption.
Qed.

Lemma nodup_order : forall l l', Permutation l l' -> Permutation (nodup Z.eq_dec l) (nodup Z.eq_dec l').
Proof.
  intros l l' Order. apply NoDup_Permutation; try apply NoDup_nodup. intros x. rewrite !nodup_In.
  split; apply Permutation_in; [|apply Permutation_sym]; assumption.
Qed.

Lemma flat_map_order : forall A B (f g : A -> list B) l l',
  Permutation l l' -> (forall x, f x = g x) -> Permutation (flat_map f l) (flat_map g l').
Proof.
  intros A B f g l l' Order Same. rewrite (flat_map_ext _ _ Same). clear f Same. induction Order; cbn.
  - constructor.
  - apply Permutation_app_head. assumption.
  - rewrite !app_assoc. apply Permutation_app_tail, Permutation_app_comm.
  - eapply Permutation_trans; eassumption.
Qed.

Lemma forallb_order : forall A (p : A -> bool) l l', Permutation l l' -> forallb p l = forallb p l'.
Proof.
  intros A p l l' Order. apply eq_true_iff_eq. rewrite !forallb_forall.
  split; intros All x Member; apply All; [apply Permutation_sym in Order|]; eapply Permutation_in; eassumption.
Qed.

Lemma largest_order : forall first l l', Permutation l l' -> largest first l = largest first l'.
Proof.
  intros first l l' Order. apply Z.le_antisymm; apply largest_bounds.
  - apply (Permutation_in _ (perm_skip first Order)), largest_is_one.
  - apply (Permutation_in _ (Permutation_sym (perm_skip first Order))), largest_is_one.
Qed.

Lemma hull_order : forall l l', Permutation l l' -> hull_of l = hull_of l'.
Proof.
  intros l l' Order. destruct l as [|x l].
  - apply Permutation_nil in Order. subst. reflexivity.
  - destruct (hull_of_exists (x :: l) x) as [b Hull]; [left; reflexivity|].
    destruct (hull_of_exists l' x) as [b' Hull']; [apply (Permutation_in _ Order); left; reflexivity|].
    rewrite Hull, Hull'. apply hull_of_some in Hull, Hull'.
    destruct Hull as [Low [High Inside]]. destruct Hull' as [Low' [High' Inside']].
    pose proof (Inside' _ (Permutation_in _ Order Low)). pose proof (Inside' _ (Permutation_in _ Order High)).
    apply Permutation_sym in Order.
    pose proof (Inside _ (Permutation_in _ Order Low')). pose proof (Inside _ (Permutation_in _ Order High')).
    destruct b, b'. cbn in *. repeat f_equal; lia.
Qed.

(* Numbers in order are in only one order. *)
Lemma sorted_once : forall l l' : list Z,
  StronglySorted Z.le l -> StronglySorted Z.le l' -> Permutation l l' -> l = l'.
Proof.
  induction l as [|x l IH]; intros l' Sorted Sorted' Order.
  - apply Permutation_nil in Order. congruence.
  - destruct l' as [|y l']; [apply Permutation_sym, Permutation_nil in Order; discriminate|].
    inversion Sorted as [|? ? SortedRest Least]. inversion Sorted' as [|? ? SortedRest' Least']. subst.
    rewrite Forall_forall in Least, Least'.
    assert (x = y) as <-.
    { apply Z.le_antisymm.
      - destruct (Permutation_in y (Permutation_sym Order) (or_introl eq_refl)) as [->|Member]; [lia|auto].
      - destruct (Permutation_in x Order (or_introl eq_refl)) as [->|Member]; [lia|auto]. }
    f_equal. apply IH; try assumption. eapply Permutation_cons_inv. eassumption.
Qed.

Lemma sort_sorted : forall l, StronglySorted Z.le (Sorting.sort l).
Proof.
  intros l. assert (Transitive : RelationClasses.Transitive (fun x y : Z => is_true (ByValue.leb x y))).
  { intros x y z. unfold is_true, ByValue.leb. rewrite !Z.leb_le. lia. }
  pose proof (Sorting.StronglySorted_sort l Transitive) as Sorted.
  induction Sorted as [|x rest Sorted IH Least]; constructor; [assumption|].
  eapply Forall_impl; [|eassumption]. intros y. unfold is_true, ByValue.leb. rewrite Z.leb_le. auto.
Qed.

Lemma sort_order : forall l l', Permutation l l' -> Sorting.sort l = Sorting.sort l'.
Proof.
  intros l l' Order. apply sorted_once; try apply sort_sorted.
  eapply Permutation_trans; [apply Permutation_sym, Sorting.Permuted_sort|].
  eapply Permutation_trans; [eassumption|apply Sorting.Permuted_sort].
Qed.

Lemma median_order : forall l l', Permutation l l' -> median l = median l'.
Proof. intros l l' Order. unfold median. rewrite (sort_order l l' Order), (Permutation_length Order). reflexivity. Qed.

(* --- agreed bounds ----------------------------------------------------------------------------------------------- *)

Lemma distinct_order : forall l l', Permutation l l' -> distinct l = distinct l'.
Proof. intros l l' Order. unfold distinct. rewrite (Permutation_length (nodup_order l l' Order)). reflexivity. Qed.

Lemma count_order : forall l l' x, Permutation l l' -> count l x = count l' x.
Proof.
  intros l l' x Order. apply (distinct_order (map fst _) (map fst _)). apply Permutation_map, filter_order, Order.
Qed.

Lemma answered_order : forall l l', Permutation l l' -> answered l = answered l'.
Proof. intros l l' Order. apply (distinct_order (map fst l) (map fst l')). apply Permutation_map, Order. Qed.

Lemma covered_hull_order : forall enough l l', Permutation l l' -> covered_hull enough l = covered_hull enough l'.
Proof.
  intros enough l l' Order. unfold covered_hull. apply hull_order.
  rewrite (filter_ext _ (fun x => enough <=? count l' x))
    by (intros x; rewrite (count_order l l' x Order); reflexivity).
  apply filter_order, flat_map_order; auto.
Qed.

(* The agreed bounds. *)
Theorem T4_c : forall n l l', Permutation l l' -> agreed_hull n l = agreed_hull n l'.
Proof. intros n l l' Order. apply covered_hull_order, Order. Qed.

(* --- all that agree() says --------------------------------------------------------------------------------------- *)

Lemma most_order : forall l l', Permutation l l' -> most_covering l = most_covering l'.
Proof.
  intros l l' Order. unfold most_covering.
  rewrite (map_ext (fun s : said => count l (lower (snd s))) (fun s : said => count l' (lower (snd s))))
    by (intros s; apply count_order, Order).
  apply largest_order, Permutation_map, Order.
Qed.

Lemma guess_order : forall votes votes', Permutation votes votes' -> guess_of votes = guess_of votes'.
Proof.
  intros votes votes' Order. unfold guess_of.
  assert (Points : Permutation (map guess (filter pointed votes)) (map guess (filter pointed votes')))
    by (apply Permutation_map, filter_order, Order).
  destruct (map guess (filter pointed votes)) as [|p ps].
  - apply Permutation_nil in Points. rewrite Points.
    rewrite (hull_order _ (ends (map narrowly votes'))); [reflexivity|].
    apply flat_map_order; [apply Permutation_map, Order|reflexivity].
  - destruct (map guess (filter pointed votes')) as [|p' ps'];
      [apply Permutation_sym, Permutation_nil in Points; discriminate|].
    rewrite (median_order _ _ Points). reflexivity.
Qed.

Lemma median_of_guesses_order : forall votes votes', Permutation votes votes' ->
  median_of_guesses votes = median_of_guesses votes'.
Proof.
  intros votes votes' Order. apply median_order, flat_map_order.
  - apply nodup_order, Permutation_map, Order.
  - intros who. rewrite (guess_order (of_operator votes who) (of_operator votes' who)); [reflexivity|].
    apply filter_order, Order.
Qed.

Lemma spread_middle_order : forall n votes votes', Permutation votes votes' ->
  spread_middle n votes = spread_middle n votes'.
Proof.
  intros n votes votes' Order. unfold spread_middle.
  assert (Said : Permutation (map narrowly votes) (map narrowly votes')) by apply Permutation_map, Order.
  rewrite (most_order _ _ Said), (covered_hull_order _ _ _ Said).
  destruct (_ <? _); [|reflexivity]. destruct (covered_hull _ _) as [common|]; [|reflexivity].
  unfold middle_of. rewrite (hull_order _ (map guess (filter (fun v => touches (says v) common) votes')));
    [reflexivity|]. apply Permutation_map, filter_order, Order.
Qed.

Lemma asked_order : forall q votes votes', Permutation votes votes' -> asked_of q votes = asked_of q votes'.
Proof.
  intros q votes votes' Order. unfold asked_of.
  rewrite (answered_order _ (map certainly votes')); [reflexivity|]. apply Permutation_map, Order.
Qed.

Lemma prompt_order : forall votes votes' close wide, Permutation votes votes' ->
  prompt votes close wide = prompt votes' close wide.
Proof.
  intros votes votes' close wide Order. unfold prompt.
  assert (Sharp : Permutation (credible wide votes) (credible wide votes')) by apply filter_order, Order.
  assert (Near : Permutation (close_ones close (credible wide votes)) (close_ones close (credible wide votes')))
    by apply filter_order, Sharp.
  rewrite (forallb_order _ _ _ _ Sharp), (distinct_order _ _ (Permutation_map operator Sharp)),
    (distinct_order _ _ (Permutation_map operator Near)).
  unfold closeness. rewrite (hull_order _ _ (Permutation_map guess Near)). reflexivity.
Qed.

Lemma narrow_bounds_order : forall votes votes' close wide, Permutation votes votes' ->
  narrow_bounds votes close wide = narrow_bounds votes' close wide.
Proof.
  intros votes votes' close wide Order. unfold narrow_bounds.
  assert (Sharp : Permutation (credible wide votes) (credible wide votes')) by apply filter_order, Order.
  assert (Near : Permutation (close_ones close (credible wide votes)) (close_ones close (credible wide votes')))
    by apply filter_order, Sharp.
  rewrite (distinct_order _ _ (Permutation_map operator Sharp)), (distinct_order _ _ (Permutation_map operator Near)).
  unfold closeness. rewrite (hull_order _ _ (Permutation_map guess Near)). reflexivity.
Qed.

Lemma reason_order : forall votes votes' q, Permutation votes votes' ->
  reason_for_narrow votes q = reason_for_narrow votes' q.
Proof.
  intros votes votes' q Order. unfold reason_for_narrow.
  rewrite (asked_order q _ _ Order), (T4_c _ _ _ (Permutation_map narrowly Order)),
    (T4_c _ _ _ (Permutation_map certainly Order)).
  destruct (agreed_hull _ (map narrowly votes')); [|reflexivity].
  destruct (agreed_hull _ (map certainly votes')); [|reflexivity].
  rewrite (prompt_order _ _ _ _ Order). reflexivity.
Qed.

(* What an agreement says of the round, without what it says of each source. *)
Definition of_the_round (a : agreement) :=
  (outcome a, agreed_bounds a, agreed_certain a, claims_narrow a, estimate a,
   (operators_agreeing a, pools_agreeing a, operators_asked a)).

(* Everything: the verdict, the bounds, the claim, the estimate and the numbers are the same in every order; and so is,
   for each vote, whether it is a truechimer's. *)
Theorem T4_c_all : forall votes votes' q, Permutation votes votes' ->
  of_the_round (agree votes q) = of_the_round (agree votes' q) /\
  exists right, truechimer (agree votes q) = map right votes /\ truechimer (agree votes' q) = map right votes'.
Proof.
  intros votes votes' q Order. unfold agree. rewrite (reason_order _ _ q Order).
  set (may := reason_for_narrow votes' q).
  unfold agree_if. rewrite (asked_order q _ _ Order). set (n := asked_of q votes').
  destruct votes as [|v votes].
  { apply Permutation_nil in Order. subst. split; [reflexivity|]. exists (fun _ => false). auto. }
  destruct votes' as [|v' votes']; [apply Permutation_sym, Permutation_nil in Order; discriminate|].
  rewrite (T4_c _ _ _ (Permutation_map narrowly Order)), (T4_c _ _ _ (Permutation_map certainly Order)).
  destruct (agreed_hull n (map certainly (v' :: votes'))) as [wide|];
    [|split; [reflexivity|exists (fun _ => false); auto]].
  set (close := agreed_hull n (map narrowly (v' :: votes'))). cbv zeta. set (claim := _ && _).
  assert (Same : match close with
                 | Some c => if claim then narrow_bounds (v :: votes) c wide else wide
                 | None => wide
                 end = match close with
                       | Some c => if claim then narrow_bounds (v' :: votes') c wide else wide
                       | None => wide
                       end).
  { destruct close as [c|]; [|reflexivity]. rewrite (narrow_bounds_order _ _ c wide Order). reflexivity. }
  rewrite Same. clear Same. set (b := match close with Some c => _ | None => _ end).
  set (right := tells_true claim (spread_round q) close b).
  set (supports := fun v => touches (counted claim v) b).
  assert (Right : Permutation (filter right (v :: votes)) (filter right (v' :: votes'))) by apply filter_order, Order.
  assert (Supports : Permutation (filter supports (v :: votes)) (filter supports (v' :: votes')))
    by apply filter_order, Order.
  split; [|exists right; split; reflexivity].
  unfold of_the_round. cbn [outcome agreed_bounds agreed_certain claims_narrow estimate operators_agreeing
                            pools_agreeing operators_asked].
  rewrite (distinct_order _ _ (Permutation_map operator Supports)),
    (distinct_order _ _ (Permutation_map pool Supports)),
    (median_of_guesses_order _ _ Right), (spread_middle_order n _ _ Order).
  reflexivity.
Qed.
