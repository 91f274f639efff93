(* What is proven, and on which axioms: tools/lint/proofs.py reads what this prints. *)
From Sdwdate Require Import Physics TransferSound Clocks AgreementSound Order Round.

(* T1: one exchange; a clock that is wrong; T1'': a finer time; T1': stale answers, and those with an Age. *)
Print Assumptions T1.
Print Assumptions T1_wrong_clock.
Print Assumptions T1_finer.
Print Assumptions T1_stale.
Print Assumptions T1_aged.

(* T2: many exchanges with one source, by both measures, and machines that differ. *)
Print Assumptions T2.
Print Assumptions combine_sound_within.
Print Assumptions T2_slack.
Print Assumptions T2_no_contradiction.
Print Assumptions T2_certain.
Print Assumptions T2_narrow.
Print Assumptions certain_contains_narrow.
Print Assumptions own_answer_is_honest.
Print Assumptions prompt_is_honest_late.

(* T3: from the raw clock to the system clock. *)
Print Assumptions T3.
Print Assumptions T3_as_computed.

(* T4: agreement. *)
Print Assumptions covered_is_inside.
Print Assumptions ends_are_covered.
Print Assumptions T4_a.
Print Assumptions T4_b_common.
Print Assumptions T4_b_ends.
Print Assumptions T4_b_width.
Print Assumptions T4_c.
Print Assumptions T4_c_all.
Print Assumptions T4_d.
Print Assumptions T4_d_counts.
Print Assumptions T4_e_none_wrong.
Print Assumptions T4_e_minority_wrong.
Print Assumptions T4_estimate.
Print Assumptions honest_majority.
Print Assumptions agree_certain.
Print Assumptions agree_narrow.
Print Assumptions agree_not_narrow.
Print Assumptions agree_spread.
Print Assumptions narrow_within_certain.
Print Assumptions right_is_truechimer_narrowly.
Print Assumptions right_is_truechimer_apart.
Print Assumptions right_is_truechimer_certainly.
Print Assumptions estimate_inside.

(* T5: floor and ceiling. *)
Print Assumptions T5.
Print Assumptions T5_as_computed.
Print Assumptions T5_floor_stays.
