(* Reads cases and what the C++ made of them (oracle_cases), computes each by the specification of proofs/, and says
   where they differ. Exit status: 0 all equal, and every outcome has been seen; 1 not. *)

open Specification

(* --- Coq's integers ---------------------------------------------------------------------------------------------- *)

let rec positive_of n =
  if Int64.equal n 1L then XH
  else
    let half = positive_of (Int64.shift_right_logical n 1) in
    if Int64.equal (Int64.logand n 1L) 1L then XI half else XO half

(* Of any 64 bits: the magnitude is taken as unsigned, so that the smallest number has one, too. *)
let z_of n =
  let order = Int64.compare n 0L in
  if order = 0 then Z0 else if order > 0 then Zpos (positive_of n) else Zneg (positive_of (Int64.neg n))

let rec int64_of_positive = function
  | XH -> 1L
  | XO half -> Int64.shift_left (int64_of_positive half) 1
  | XI half -> Int64.logor 1L (Int64.shift_left (int64_of_positive half) 1)

(* For messages only: modulo 2^64. *)
let text_of = function
  | Z0 -> "0"
  | Zpos p -> Int64.to_string (int64_of_positive p)
  | Zneg p -> Int64.to_string (Int64.neg (int64_of_positive p))

(* --- one line, word by word -------------------------------------------------------------------------------------- *)

exception Unreadable of string

let words = ref []

let next () =
  match !words with
  | [] -> raise (Unreadable "the line is too short")
  | word :: rest ->
      words := rest;
      word

let number () = z_of (Int64.of_string (next ()))
let count () = int_of_string (next ())

let flag () =
  match next () with "0" -> false | "1" -> true | word -> raise (Unreadable ("not a flag: " ^ word))

let optional read = if flag () then Some (read ()) else None

(* From first to last, which List.init does not promise. *)
let rec several n read =
  if n = 0 then []
  else
    let first = read () in
    first :: several (n - 1) read

let bounds () =
  let lower = number () in
  let upper = number () in
  { lower; upper }

(* --- the two kinds of case --------------------------------------------------------------------------------------- *)

let exchange () =
  let sent = number () in
  let received = number () in
  let date = number () in
  let spread = number () in
  let age = optional number in
  let fine =
    optional (fun () ->
        let shown = number () in
        let unit_of = number () in
        { shown; unit_of })
  in
  { sent; received; date; spread; age; fine }

let vote () =
  let says = bounds () in
  let says_certainly = bounds () in
  let guess = number () in
  let pointed = flag () in
  let operator = number () in
  let pool = number () in
  { says; says_certainly; guess; pointed; operator; pool }

let answer_of value =
  match next () with
  | "bounds" -> Inl (value ())
  | "no_exchange" -> Inr No_exchange
  | "only_stale" -> Inr Only_stale
  | "contradiction" -> Inr Contradiction
  | word -> raise (Unreadable ("no answer: " ^ word))

let verdict_of = function
  | "agreed" -> Agreed
  | "nobody_answered" -> Nobody_answered
  | "no_majority" -> No_majority
  | "too_wide" -> Too_wide
  | "too_few_operators" -> Too_few_operators
  | "too_few_pools" -> Too_few_pools
  | word -> raise (Unreadable ("no verdict: " ^ word))

let verdict_name = function
  | Agreed -> "agreed"
  | Nobody_answered -> "nobody answered"
  | No_majority -> "no majority"
  | Too_wide -> "too wide"
  | Too_few_operators -> "too few operators"
  | Too_few_pools -> "too few pools"

let show_bounds b = Printf.sprintf "[%s, %s]" (text_of b.lower) (text_of b.upper)

let show_answer show = function
  | Inl value -> show value
  | Inr No_exchange -> "no exchange"
  | Inr Only_stale -> "only stale"
  | Inr Contradiction -> "contradiction"

let show_claim c =
  Printf.sprintf "narrow %s, certain %s%s" (show_bounds c.narrow) (show_bounds c.certain)
    (if c.sharp then ", sharp" else "")

let show_optional = function Some b -> show_bounds b | None -> "none"

let show_agreement a =
  Printf.sprintf "%s, %s %s, certain %s, estimate %s, %s operators of %s, %s pools, truechimers %s"
    (verdict_name a.outcome)
    (if a.claims_narrow then "narrow" else "bounds")
    (show_optional a.agreed_bounds) (show_optional a.agreed_certain) (text_of a.estimate) (text_of a.operators_agreeing)
    (text_of a.operators_asked) (text_of a.pools_agreeing)
    (String.concat "" (List.map (fun t -> if t then "1" else "0") a.truechimer))

(* What has been seen, and how often. *)
let seen : (string, int) Hashtbl.t = Hashtbl.create 32
let saw what = Hashtbl.replace seen what (1 + Option.value ~default:0 (Hashtbl.find_opt seen what))

let differences = ref 0

let compare_them what line show ours theirs =
  if ours <> theirs then begin
    incr differences;
    if !differences <= 10 then
      Printf.printf "%s differs.\n  specification: %s\n  C++: %s\n  case: %s\n" what (show ours) (show theirs) line
  end

let check_exchanges line =
  let lag = number () in
  let slack = number () in
  let drift_ppm = number () in
  let fine_lag = number () in
  let options = { lag; slack; drift_ppm; fine_lag } in
  let at = number () in
  let exchanges = several (count ()) exchange in
  let combined = answer_of bounds in
  let claimed =
    answer_of (fun () ->
        let narrow = bounds () in
        let certain = bounds () in
        let sharp = flag () in
        { narrow; certain; sharp })
  in
  saw ("combine: " ^ match combined with Inl _ -> "bounds" | Inr _ -> show_answer show_bounds combined);
  saw
    ("claim: "
    ^ match claimed with
      | Inl { sharp = true; _ } -> "sharp"
      | Inl { narrow; certain; _ } -> if narrow = certain then "late" else "not sharp"
      | Inr _ -> show_answer show_claim claimed);
  compare_them "combine()" line (show_answer show_bounds) (combine options exchanges at) combined;
  compare_them "claim()" line (show_answer show_claim) (claim options exchanges at) claimed

let check_votes line =
  let need_operators = number () in
  let need_pools = number () in
  let maximum_width = number () in
  let asked = number () in
  let spread_round = flag () in
  let quorum = { need_operators; need_pools; maximum_width; asked; spread_round } in
  let votes = several (count ()) vote in
  let outcome = verdict_of (next ()) in
  let agreed_bounds = optional bounds in
  let agreed_certain = optional bounds in
  let claims_narrow = flag () in
  let estimate = number () in
  let operators_agreeing = number () in
  let pools_agreeing = number () in
  let operators_asked = number () in
  let truechimer = several (List.length votes) flag in
  let theirs =
    { outcome; agreed_bounds; agreed_certain; claims_narrow; estimate; truechimer; operators_agreeing; pools_agreeing;
      operators_asked }
  in
  saw ("agree: " ^ verdict_name outcome ^ if claims_narrow then ", narrow" else "");
  let ours = agree votes quorum in
  (* The C++ weighs chance in floating point: where the two sides of the rule are equal, its rounding decides. *)
  if ours.claims_narrow <> claims_narrow && at_the_limit votes quorum then begin
    saw "agree: at the limit of chance, decided by rounding";
    compare_them "agree()" line show_agreement (agree_if claims_narrow votes quorum) theirs
  end
  else compare_them "agree()" line show_agreement ours theirs

(* What a useful run must have seen. *)
let expected =
  [ "combine: bounds"; "combine: no exchange"; "combine: only stale"; "combine: contradiction"; "claim: sharp";
    "claim: late"; "claim: not sharp"; "claim: no exchange"; "claim: only stale"; "claim: contradiction";
    "agree: agreed"; "agree: agreed, narrow"; "agree: nobody answered"; "agree: no majority"; "agree: too wide";
    "agree: too few operators"; "agree: too few pools" ]

let () =
  let cases = ref 0 in
  let complete = ref false in
  (try
     while not !complete do
       let line = input_line stdin in
       words := List.filter (fun word -> word <> "") (String.split_on_char ' ' line);
       match next () with
       | "exchanges" ->
           incr cases;
           check_exchanges line
       | "votes" ->
           incr cases;
           check_votes line
       | "end" -> complete := true
       | word -> raise (Unreadable ("no case: " ^ word))
     done
   with
  | End_of_file -> print_endline "The cases break off."
  | Unreadable why -> Printf.printf "Case %d: %s.\n" !cases why);
  List.iter (fun (what, n) -> Printf.printf "%8d  %s\n" n what)
    (List.sort Stdlib.compare (Hashtbl.fold (fun what n all -> (what, n) :: all) seen []));
  let missing = List.filter (fun what -> not (Hashtbl.mem seen what)) expected in
  List.iter (Printf.printf "Never seen: %s.\n") missing;
  Printf.printf "%d cases, %d differences.\n" !cases !differences;
  exit (if !complete && !differences = 0 && missing = [] then 0 else 1)
