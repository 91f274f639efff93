(* The world in which a source is asked, what is assumed of it (A1 to A5), and what one exchange proves: T1.
   Times are real numbers, of nanoseconds; nothing here knows how the program stores them. *)
From Coq Require Import Reals Lra.
Open Scope R_scope.

Definition one_second : R := 1000000000.

Section World.

(* What the reference shows when the raw clock shows m. *)
Variable reference : R -> R.

(* What a round looks for: reference minus raw clock. *)
Definition D (m : R) : R := reference m - m.

(* A2, a right clock; or one that is wrong by at most `wrong`. It shows c when the raw clock shows m. *)
Definition right_within (wrong m c : R) : Prop := Rabs (c - reference m) <= wrong.

(* A3, lag: a clock that showed c, or had shown it at most `lag` before, was within the `unit` that begins with d. *)
Definition stamped (unit lag c d : R) : Prop := exists x, c - lag <= x <= c /\ d <= x < d + unit.

(* A4, drift: from `from` until `till` the offset changes by at most `rho` of what passes. *)
Definition steady (rho from till : R) : Prop :=
  forall m n, from <= m <= n -> n <= till -> Rabs (D n - D m) <= rho * (n - m).

(* Reference time only grows, whatever the raw clock does: a machine that sleeps finds it later. *)
Definition forward (till : R) : Prop := forall m n, m <= n <= till -> reference m <= reference n.

(* --- T1: one exchange -------------------------------------------------------------------------------------------- *)

(* A request sent at a, its answer read at b; a Date d was written at s by a right clock that showed c. *)
Theorem T1 : forall a b s c d lag,
  a < s < b -> c = reference s -> stamped one_second lag c d ->
  d - b < D s < d + one_second + lag - a.
Proof. unfold stamped, D, one_second. intros a b s c d lag Cause Right [x Lag]. lra. Qed.

(* The remark after it: a clock that is wrong by at most e. *)
Theorem T1_wrong_clock : forall a b s c d lag e,
  a < s < b -> right_within e s c -> stamped one_second lag c d ->
  d - b - e < D s < d + one_second + lag - a + e.
Proof.
  unfold right_within, stamped, D, one_second. intros a b s c d lag e Cause Right [x Lag].
  pose proof (Rle_abs (c - reference s)). pose proof (Rle_abs (- (c - reference s))). rewrite Rabs_Ropp in *. lra.
Qed.

(* T1'': a finer time t, in units of u. *)
Theorem T1_finer : forall a b s c t u fine_lag,
  a < s < b -> c = reference s -> stamped u fine_lag c t ->
  t - b < D s < t + u + fine_lag - a.
Proof. unfold stamped, D. intros a b s c t u fine_lag Cause Right [x Lag]. lra. Qed.

(* T1', a stale answer: its Date was right when it was written, at w, and that was before b. Nothing says when. *)
Theorem T1_stale : forall b w c d lag,
  forward b -> w <= b -> c = reference w -> stamped one_second lag c d -> d - b <= D b.
Proof.
  unfold forward, stamped, D. intros b w c d lag Forward Before Right [x Lag].
  pose proof (Forward w b). lra.
Qed.

(* A5: a cache answers at s with a Date written at w, and an Age that is too small by a second at most. *)
Theorem T1_aged : forall a b w s c d lag age,
  a < s < b -> c = reference w -> stamped one_second lag c d -> reference s - reference w <= age + one_second ->
  D s < d + age + 2 * one_second + lag - a.
Proof. unfold stamped, D, one_second. intros a b w s c d lag age Cause Right [x Lag] Age. lra. Qed.

(* --- the same with closed ends, which is what the program's bounds need ------------------------------------------ *)

(* A Date, or a finer time, was right at some instant before b. True of every answer, from wherever. *)
Definition written_before (wrong b d : R) : Prop := exists s c, s <= b /\ right_within wrong s c /\ d <= c.

(* A1 to A3: it was written between a and b, by a server that refreshes what it shows with no more than `lag`. *)
Definition written_between (wrong unit lag a b d : R) : Prop :=
  exists s c, a <= s <= b /\ right_within wrong s c /\ stamped unit lag c d.

(* A1 to A3 and A5: it was written at some time, and a cache answered with it, and an Age, between a and b. *)
Definition cached_between (wrong lag a b d age : R) : Prop :=
  exists w s c, a <= s <= b /\ w <= s /\ right_within wrong w c /\ stamped one_second lag c d /\
                reference s - reference w <= age + one_second.

Lemma within : forall wrong m c, right_within wrong m c -> reference m - wrong <= c <= reference m + wrong.
Proof.
  unfold right_within. intros wrong m c Right.
  pose proof (Rle_abs (c - reference m)). pose proof (Rle_abs (- (c - reference m))). rewrite Rabs_Ropp in *. lra.
Qed.

Lemma drifted : forall rho from till m n,
  steady rho from till -> from <= m <= n -> n <= till -> D m - rho * (n - m) <= D n <= D m + rho * (n - m).
Proof.
  unfold steady. intros rho from till m n Steady Order End. specialize (Steady m n Order End).
  pose proof (Rle_abs (D n - D m)). pose proof (Rle_abs (- (D n - D m))). rewrite Rabs_Ropp in *. lra.
Qed.

(* Over more time, more. *)
Lemma drift_grows : forall rho a s till, 0 <= rho -> a <= s -> rho * (till - s) <= rho * (till - a).
Proof. intros. apply Rmult_le_compat_l; lra. Qed.

(* What is written between a and b is written before b. *)
Lemma between_is_before : forall wrong unit lag a b d,
  written_between wrong unit lag a b d -> written_before wrong b d.
Proof.
  intros wrong unit lag a b d (s & c & Cause & Right & x & Lag). exists s, c. split; [lra|]. split; [assumption|lra].
Qed.

(* Whoever is prompt is also no more than so much late. *)
Lemma later_lag : forall wrong unit lag more a b d,
  lag <= more -> written_between wrong unit lag a b d -> written_between wrong unit more a b d.
Proof.
  intros wrong unit lag more a b d Less (s & c & Cause & Right & x & Lag).
  exists s, c. split; [assumption|]. split; [assumption|]. exists x. lra.
Qed.

(* The lower end of an answer, at the instant `till`. *)
Lemma lower_end : forall wrong rho from till a b d,
  0 <= rho -> steady rho from till -> forward till -> from <= a <= b -> b <= till ->
  written_before wrong b d -> d - b - rho * (till - a) - wrong <= D till.
Proof.
  intros wrong rho from till a b d Rho Steady Forward Order End (s & c & Before & Right & Date).
  apply within in Right. pose proof (Forward s b). pose proof (drifted rho from till b till Steady).
  pose proof (drift_grows rho a b till Rho). unfold D in *. lra.
Qed.

(* The upper end of an answer that was made for its request. *)
Lemma upper_end : forall wrong unit rho from till lag a b d,
  0 <= rho -> steady rho from till -> from <= a <= b -> b <= till ->
  written_between wrong unit lag a b d -> D till <= d + unit + lag - a + rho * (till - a) + wrong.
Proof.
  intros wrong unit rho from till lag a b d Rho Steady Order End (s & c & Cause & Right & x & Lag).
  apply within in Right. pose proof (drifted rho from till s till Steady).
  pose proof (drift_grows rho a s till Rho). unfold D in *. lra.
Qed.

(* The upper end of an answer that a cache gave. *)
Lemma upper_end_cached : forall wrong rho from till lag a b d age,
  0 <= rho -> steady rho from till -> from <= a <= b -> b <= till ->
  cached_between wrong lag a b d age -> D till <= d + age + 2 * one_second + lag - a + rho * (till - a) + wrong.
Proof.
  intros wrong rho from till lag a b d age Rho Steady Order End (w & s & c & Cause & Old & Right & [x Lag] & Age).
  apply within in Right. pose proof (drifted rho from till s till Steady).
  pose proof (drift_grows rho a s till Rho). unfold D, one_second in *. lra.
Qed.

End World.
