(* What src/timecore/agreement.cc computes, as a function that can be run: from the sources' votes to the agreed bounds.
   Nothing is proven here; AgreementSound.v proves that what comes out is true. Operators and pools are numbers. *)
From Coq Require Import ZArith List Bool Mergesort Orders.
From Sdwdate Require Import Transfer.
Import ListNotations.
Open Scope Z_scope.

Record vote := Vote {
  says : bounds;          (* if the source refreshes its Date with no more than its lag *)
  says_certainly : bounds;  (* if it does up to a second late *)
  guess : Z;              (* the estimate *)
  pointed : bool;         (* the estimate is a point; else the bounds are all we know *)
  operator : Z;
  pool : Z
}.

Record quorum := Quorum {
  need_operators : Z;
  need_pools : Z;
  maximum_width : Z;
  asked : Z;              (* operators, those that failed included *)
  spread_round : bool
}.

Inductive verdict := agreed | nobody_answered | no_majority | too_wide | too_few_operators | too_few_pools.

(* --- who covers what: the part that T4 is about ------------------------------------------------------------------ *)

(* Some bounds, and whose they are. An operator covers what any of its bounds contain. *)
Definition said : Type := Z * bounds.

Definition holds (b : bounds) (x : Z) : bool := (lower b <=? x) && (x <=? upper b).

Definition operators_of (l : list said) : list Z := nodup Z.eq_dec (map fst l).

Definition covering (l : list said) (x : Z) : list Z := operators_of (filter (fun s : said => holds (snd s) x) l).

Definition count (l : list said) (x : Z) : Z := Z.of_nat (length (covering l x)).

Definition ends (l : list said) : list Z := flat_map (fun s : said => [lower (snd s); upper (snd s)]) l.

(* The smallest interval that contains all of these. *)
Definition hull_of (l : list Z) : option bounds :=
  match l with
  | [] => None
  | x :: rest => Some (Bounds (smallest x rest) (largest x rest))
  end.

(* The hull of all points that at least so many operators cover: its ends are ends of bounds. *)
Definition covered_hull (enough : Z) (l : list said) : option bounds :=
  hull_of (filter (fun x => enough <=? count l x) (ends l)).

Definition answered (l : list said) : Z := Z.of_nat (length (operators_of l)).

(* The largest number of operators that any point has. *)
Definition most_covering (l : list said) : Z := largest 0 (map (fun s : said => count l (lower (snd s))) l).

Definition majority (n : Z) : Z := n / 2 + 1.

(* The agreed bounds of T4, if n operators were asked. *)
Definition agreed_hull (n : Z) (l : list said) : option bounds := covered_hull (majority n) l.

Definition narrowly (v : vote) : said := (operator v, says v).
Definition certainly (v : vote) : said := (operator v, says_certainly v).

Definition asked_of (q : quorum) (votes : list vote) : Z := Z.max (asked q) (answered (map certainly votes)).

(* --- the narrow claim -------------------------------------------------------------------------------------------- *)

Definition touches (x y : bounds) : bool := (lower x <=? upper y) && (lower y <=? upper x).

Definition distinct (l : list Z) : Z := Z.of_nat (length (nodup Z.eq_dec l)).

Fixpoint product_down (n : Z) (k : nat) : Z :=
  match k with
  | O => 1
  | S k => n * product_down (n - 1) k
  end.

(* C(n, k) * k * (2 s)^(k - 1) <= 4e-5, with s in seconds, or 2e-5 where some dissent: in whole numbers, with both sides
   multiplied by k!, by what the limit is one part of, and by the nanoseconds of a second once for each s. *)
Definition rarer_than (all_agree : bool) : Z := if all_agree then 25000 else 50000.
Definition chance_side (n k s : Z) : Z := product_down n (Z.to_nat k) * k * (2 * s) ^ (k - 1) * rarer_than (k =? n).
Definition allowed_side (k : Z) : Z := product_down k (Z.to_nat k) * second ^ (k - 1).
Definition by_chance_rarely (n k s : Z) : bool := (0 <? k) && (k <=? n) && (chance_side n k s <=? allowed_side k).

(* The sharp sources that are not wrong by more than lateness explains; and those of them that agree. *)
Definition credible (wide : bounds) (votes : list vote) : list vote :=
  filter (fun v => pointed v && touches (says_certainly v) wide) votes.
Definition close_ones (close : bounds) (votes : list vote) : list vote :=
  filter (fun v => touches (says v) close) votes.

Definition closeness (votes : list vote) : Z :=
  match hull_of (map guess votes) with Some b => upper b - lower b | None => 0 end.

Definition prompt (votes : list vote) (close wide : bounds) : bool :=
  let sharp := credible wide votes in
  let near := close_ones close sharp in
  forallb (fun v => lower (says v) <=? upper close) sharp &&
  by_chance_rarely (distinct (map operator sharp)) (distinct (map operator near)) (closeness near).

(* What may then be claimed: where sharp sources dissent, one that agrees may be late by as much as these differ. *)
Definition narrow_bounds (votes : list vote) (close wide : bounds) : bounds :=
  let sharp := credible wide votes in
  let near := close_ones close sharp in
  if distinct (map operator near) =? distinct (map operator sharp) then close
  else Bounds (lower close) (Z.min (upper close + closeness near) (upper wide)).

(* --- the estimate ------------------------------------------------------------------------------------------------ *)

Module ByValue <: TotalLeBool'.
  Definition t := Z.
  Definition leb := Z.leb.
  Infix "<=?" := leb.
  Theorem leb_total : forall x y, is_true (x <=? y) \/ is_true (y <=? x).
  Proof. intros x y. unfold is_true, leb. rewrite !Z.leb_le. destruct (Z.le_ge_cases x y); auto. Qed.
End ByValue.
Module Sorting := Sort ByValue.

(* Half way; between two numbers in order, so that rounding is downwards. *)
Definition midpoint (x y : Z) : Z := x + (y - x) / 2.

Definition median (l : list Z) : Z :=
  let sorted := Sorting.sort l in
  let half := Nat.div2 (length l) in
  if Nat.odd (length l) then nth half sorted 0 else midpoint (nth (half - 1) sorted 0) (nth half sorted 0).

(* What an operator says: the median of its points or, without one, all that its bounds contain. *)
Definition guess_of (votes : list vote) : bounds :=
  match map guess (filter pointed votes) with
  | [] => match hull_of (ends (map narrowly votes)) with Some b => b | None => Bounds 0 0 end
  | points => Bounds (median points) (median points)
  end.

Definition of_operator (votes : list vote) (who : Z) : list vote := filter (fun v => operator v =? who) votes.

Definition median_of_guesses (votes : list vote) : Z :=
  median (flat_map (fun who => let g := guess_of (of_operator votes who) in [lower g; upper g])
                   (nodup Z.eq_dec (map operator votes))).

Definition clamp (b : bounds) (x : Z) : Z := Z.max (lower b) (Z.min x (upper b)).

Definition middle_of (votes : list vote) : Z :=
  match hull_of (map guess votes) with Some b => midpoint (lower b) (upper b) | None => 0 end.

(* In a spread round: in the middle of what most have in common, if they are more than two thirds. *)
Definition spread_middle (n : Z) (votes : list vote) : option Z :=
  let most := most_covering (map narrowly votes) in
  if 2 * n <? 3 * most then
    match covered_hull most (map narrowly votes) with
    | Some common => Some (clamp common (middle_of (filter (fun v => touches (says v) common) votes)))
    | None => None
    end
  else None.

(* --- all together ------------------------------------------------------------------------------------------------ *)

Record agreement := Agreement {
  outcome : verdict;
  agreed_bounds : option bounds;
  agreed_certain : option bounds;
  claims_narrow : bool;
  estimate : Z;
  truechimer : list bool;
  operators_agreeing : Z;
  pools_agreeing : Z;
  operators_asked : Z
}.

Definition counted (close : bool) (v : vote) : bounds := if close then says v else says_certainly v.

Definition judge (q : quorum) (close : bool) (b : bounds) (operators pools : Z) : verdict :=
  if maximum_width q + (if close then 0 else latest) <? upper b - lower b then too_wide
  else if operators <? need_operators q then too_few_operators
  else if pools <? need_pools q then too_few_pools
  else agreed.

(* Who is a truechimer: who touches what a majority says narrowly, claimed or not; without that, the agreed bounds b. *)
Definition tells_true (claim spread : bool) (close : option bounds) (b : bounds) (v : vote) : bool :=
  match close with
  | Some common => if negb claim && negb spread then touches (says v) common else touches (counted claim v) b
  | None => touches (counted claim v) b
  end.

(* agree(), told whether the narrow claim may be made. *)
Definition agree_if (may_be_narrow : bool) (votes : list vote) (q : quorum) : agreement :=
  let n := asked_of q votes in
  let nobody why := Agreement why None None false 0 (map (fun _ => false) votes) 0 0 n in
  match votes with
  | [] => nobody nobody_answered
  | _ =>
      match agreed_hull n (map certainly votes) with
      | None => nobody no_majority
      | Some wide =>
          let close := agreed_hull n (map narrowly votes) in
          let claim := may_be_narrow && match close with Some _ => true | None => false end in
          let b := match close with Some c => if claim then narrow_bounds votes c wide else wide | None => wide end in
          let supporters := filter (fun v => touches (counted claim v) b) votes in
          let right := tells_true claim (spread_round q) close b in
          let operators := distinct (map operator supporters) in
          let pools := distinct (map pool supporters) in
          let best := match (if spread_round q then spread_middle n votes else None) with
                      | Some middle => middle
                      | None => median_of_guesses (filter right votes)
                      end in
          Agreement (judge q claim b operators pools) (Some b) (Some wide) claim (clamp b best)
                    (map right votes) operators pools n
      end
  end.

Definition reason_for_narrow (votes : list vote) (q : quorum) : bool :=
  let n := asked_of q votes in
  negb (spread_round q) &&
  match agreed_hull n (map narrowly votes), agreed_hull n (map certainly votes) with
  | Some close, Some wide => prompt votes close wide
  | _, _ => false
  end.

Definition agree (votes : list vote) (q : quorum) : agreement := agree_if (reason_for_narrow votes q) votes q.

(* The two sides of the rule differ by so little that a computation in floating point may see it the other way. *)
Definition at_the_limit (votes : list vote) (q : quorum) : bool :=
  let n := asked_of q votes in
  match agreed_hull n (map narrowly votes), agreed_hull n (map certainly votes) with
  | Some close, Some wide =>
      let sharp := credible wide votes in
      let near := close_ones close sharp in
      let k := distinct (map operator near) in
      let left := chance_side (distinct (map operator sharp)) k (closeness near) in
      Z.abs (left - allowed_side k) * 1000000000000 <=? allowed_side k
  | _, _ => false
  end.
