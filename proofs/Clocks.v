(* T3: from the raw clock to the system clock; and T5: a time that is certainly past. *)
From Coq Require Import Reals ZArith Lra Lia.
From Sdwdate Require Import Physics Transfer TransferSound.
Open Scope R_scope.

(* --- T3 ---------------------------------------------------------------------------------------------------------- *)

(* The raw clock is read as m1, then the system clock as C, then the raw clock as m2; C was shown when the raw clock
   showed some m between the two. The offset is then the reference minus C. *)
Theorem T3 : forall reference L U m1 m m2 C,
  m1 <= m <= m2 -> L <= D reference m <= U ->
  let u := (m2 - m1) / 2 in
  let M := m1 + u in
  L + M - C - u <= reference m - C <= U + M - C + u.
Proof. intros reference L U m1 m m2 C Between Inside u M. subst u M. unfold D in Inside. lra. Qed.

(* As read_clock_pair() and against_system_clock() compute it: u in whole nanoseconds, rounded up. *)
Definition half_of (before after : Z) : Z := ((after - before) / 2 + 1)%Z.

Definition against_system_clock (b : bounds) (raw real uncertainty : Z) : bounds :=
  widened (Bounds (lower b + raw - real) (upper b + raw - real)) uncertainty.

Theorem T3_as_computed : forall reference b before m after C,
  IZR before <= m <= IZR after -> contains b (D reference m) ->
  contains (against_system_clock b (before + half_of before after) C (half_of before after)) (reference m - IZR C).
Proof.
  unfold contains, against_system_clock, widened, D. cbn. intros reference b before m after C Between Inside.
  assert (Half : IZR after - IZR before <= 2 * IZR (half_of before after)).
  { unfold half_of. rewrite <- minus_IZR, <- mult_IZR. apply IZR_le.
    pose proof (Z.div_mod (after - before) 2 ltac:(lia)).
    pose proof (Z.mod_pos_bound (after - before) 2 ltac:(lia)). lia. }
  rewrite ?plus_IZR, ?minus_IZR, ?plus_IZR. rewrite ?plus_IZR. lra.
Qed.

(* --- T5 ---------------------------------------------------------------------------------------------------------- *)

(* The reference is not before F when the raw clock shows T: the lower end is raised to F - T, and bounds that lie below
   it as a whole make the premise false. *)
Theorem T5 : forall reference A B T F,
  F <= reference T -> A <= D reference T <= B ->
  Rmax A (F - T) <= D reference T <= B /\ ~ B < F - T.
Proof. unfold D. intros reference A B T F Past Inside. split; [split; [apply Rmax_lub|]|]; lra. Qed.

(* check_sanity() of src/timecore/sanity.cc. *)
Inductive insane := before_floor | after_ceiling.

Definition check_sanity (b : bounds) (at_ floor ceiling : Z) : bounds + insane :=
  let floor := (floor * second - at_)%Z in
  let ceiling := (ceiling * second - at_)%Z in
  if (upper b <? floor)%Z then inr before_floor
  else if (ceiling <? upper b)%Z then inr after_ceiling
  else inl (Bounds (Z.max (lower b) floor) (upper b)).

(* If the floor is past and the bounds are true, they stay true, and are never refused for the floor. *)
Theorem T5_as_computed : forall reference b at_ floor ceiling,
  IZR (floor * second) <= reference (IZR at_) -> contains b (D reference (IZR at_)) ->
  match check_sanity b at_ floor ceiling with
  | inl raised => contains raised (D reference (IZR at_)) /\ (floor * second <= lower raised + at_)%Z
  | inr why => why = after_ceiling
  end.
Proof.
  unfold contains, D, check_sanity. intros reference b at_ floor ceiling Past Inside.
  destruct (Z.ltb_spec (upper b) (floor * second - at_)) as [Below|].
  - apply IZR_lt in Below. rewrite minus_IZR in Below. lra.
  - destruct (Z.ltb_spec (ceiling * second - at_) (upper b)); [reflexivity|]. cbn. split; [|lia].
    split; [|lra]. destruct (Z.max_dec (lower b) (floor * second - at_)) as [Same|Same]; rewrite Same; [lra|].
    rewrite minus_IZR. lra.
Qed.

(* A time that has been agreed is past from then on, whatever T it is compared with: that is why a saved floor never
   needs to go back. *)
Theorem T5_floor_stays : forall reference A T T' F,
  forward reference T' -> T <= T' -> A <= D reference T -> F <= A + T -> F <= reference T'.
Proof. unfold forward, D. intros reference A T T' F Forward Later Inside Saved. pose proof (Forward T T'). lra. Qed.
