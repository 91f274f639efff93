(* What src/timecore/transfer.cc computes, as a function that can be run: from exchanges with one source to bounds on
   the offset. Nothing is proven here; TransferSound.v proves that what comes out is true.

   All times are integers of nanoseconds, without a largest one; a Date and what belongs to it are whole seconds. *)
From Coq Require Import ZArith List Bool.
Import ListNotations.
Open Scope Z_scope.

Definition second : Z := 1000000000.

(* A finer time beside the Date: the server's clock read something in [shown, shown + unit). *)
Record finer := Finer { shown : Z; unit_of : Z }.

Record exchange := Exchange {
  sent : Z;              (* the raw clock, just before the request was sent *)
  received : Z;          (* the raw clock, when the answer's header was complete *)
  date : Z;              (* the Date; of several that differ, the earliest *)
  spread : Z;            (* by how much the latest of several Dates is later *)
  age : option Z;        (* the Age that a cache added; one that is unknown is larger than any that counts *)
  fine : option finer
}.

Record options := Options { lag : Z; slack : Z; drift_ppm : Z; fine_lag : Z }.

(* A closed interval. *)
Record bounds := Bounds { lower : Z; upper : Z }.

Inductive no_bounds := no_exchange | only_stale | contradiction.

Definition longest_age : Z := 86400.
Definition widest_cached : Z := 5 * second.
Definition sharp_lag : Z := 100000000.
Definition latest : Z := second.
(* 2200-01-01: no finer time is later. *)
Definition latest_date : Z := 7258118400.

(* How much the offset may have changed in so much time, rounded up. *)
Definition drift (o : options) (elapsed : Z) : Z := (elapsed / 1000000 + 1) * drift_ppm o.

(* --- which ends of an answer's times may be used ----------------------------------------------------------------- *)

Definition from_cache (e : exchange) : bool := match age e with Some _ => true | None => false end.

(* Another answer with the same Date came from a cache: so may have this one. *)
Definition unmasked (es : list exchange) (e : exchange) : bool :=
  existsb (fun other => from_cache other && (date other =? date e)) es.

(* The answer was made for its request, as far as the source's answers show. *)
Definition ours (es : list exchange) (e : exchange) : bool := negb (from_cache e) && negb (unmasked es e).

Definition age_counts (e : exchange) : bool := match age e with Some a => a <=? longest_age | None => true end.

(* How old a cached Date may be, at most; 0 for one that is none. *)
Definition oldness (e : exchange) : Z := match age e with Some a => a * second + second | None => 0 end.

(* Could one clock have shown the Date and the finer time, both while it answered? *)
Definition fine_agrees (o : options) (e : exchange) (f : finer) : bool :=
  let ahead := shown f - date e * second in
  let delay := received e - sent e in
  (shown f <=? latest_date * second) && age_counts e &&
  (0 <=? ahead + unit_of f + fine_lag o + delay) &&
  (ahead <=? second + lag o + delay + spread e * second + oldness e).

Definition fine_shown (es : list exchange) : list Z :=
  flat_map (fun e => match fine e with Some f => [shown f] | None => [] end) es.

(* Two finer times at least, and all of them different. *)
Definition fine_live (es : list exchange) : bool :=
  let times := fine_shown es in
  Nat.leb 2 (length times) && Nat.eqb (length (nodup Z.eq_dec times)) (length times).

Definition fine_ours (o : options) (es : list exchange) (e : exchange) (f : finer) : bool :=
  fine_agrees o e f && (ours es e || fine_live es).

(* For how long after its Date an answer may have been written; nothing if there is no telling. *)
Definition true_for (o : options) (es : list exchange) (e : exchange) : option Z :=
  if ours es e then Some (second + lag o)
  else match age e with
       | Some a => if a <=? longest_age then Some (second + lag o + a * second + second) else None
       | None => None
       end.

(* --- the ends that each answer gives, and what they have in common ----------------------------------------------- *)

Definition lower_ends_of (o : options) (at_ : Z) (e : exchange) : list Z :=
  let moved := drift o (at_ - sent e) in
  ((date e + spread e) * second - received e - moved) ::
  match fine e with
  | Some f => if fine_agrees o e f then [shown f - received e - moved] else []
  | None => []
  end.

Definition upper_ends_of (o : options) (es : list exchange) (at_ : Z) (e : exchange) : list Z :=
  let moved := drift o (at_ - sent e) in
  match true_for o es e with
  | Some length => [date e * second - sent e + length + moved]
  | None => []
  end ++
  match fine e with
  | Some f => if fine_ours o es e f then [shown f - sent e + (unit_of f + fine_lag o) + moved] else []
  | None => []
  end.

Definition lower_ends (o : options) (es : list exchange) (at_ : Z) : list Z := flat_map (lower_ends_of o at_) es.
Definition upper_ends (o : options) (es : list exchange) (at_ : Z) : list Z := flat_map (upper_ends_of o es at_) es.

Definition largest (first : Z) (rest : list Z) : Z := fold_right Z.max first rest.
Definition smallest (first : Z) (rest : list Z) : Z := fold_right Z.min first rest.

(* Has any answer been made for its request? *)
Definition heard_live (o : options) (es : list exchange) : bool :=
  existsb (fun e => ours es e || match fine e with Some f => fine_ours o es e f | None => false end) es.

Definition combine (o : options) (es : list exchange) (at_ : Z) : bounds + no_bounds :=
  match lower_ends o es at_, upper_ends o es at_ with
  | [], _ => inr no_exchange
  | _, [] => inr only_stale
  | l :: ls, u :: us =>
      let low := largest l ls in
      let high := smallest u us in
      if low <=? high then
        if negb (heard_live o es) && (widest_cached + lag o <? high - low) then inr only_stale
        else inl (Bounds low high)
      else if slack o <? low - high then inr contradiction
      else inl (Bounds (high - slack o) (low + slack o))
  end.

(* --- by two measures of honesty ---------------------------------------------------------------------------------- *)

Definition allowing_late (o : options) : options :=
  Options (lag o + latest) (slack o) (drift_ppm o) (fine_lag o).

(* A Date has changed from one answer that was made for its request to another. *)
Definition has_ticked (es : list exchange) : bool :=
  let live := filter (ours es) es in
  existsb (fun e => (0 <? spread e) || existsb (fun other => negb (date other =? date e)) live) live.

Record claims := Claim { narrow : bounds; certain : bounds; sharp : bool }.

Definition hull (x y : bounds) : bounds := Bounds (Z.min (lower x) (lower y)) (Z.max (upper x) (upper y)).

Definition claim (o : options) (es : list exchange) (at_ : Z) : claims + no_bounds :=
  match combine (allowing_late o) es at_, combine o es at_ with
  | inr why, _ => inr why
  | inl wide, inl close =>
      inl (Claim close (hull wide close) ((lag o <=? sharp_lag) && heard_live o es))
  | inl wide, inr why =>
      match why with
      | contradiction => if has_ticked es then inl (Claim wide wide false) else inr why
      | _ => inr why
      end
  end.
