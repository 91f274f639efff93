(* The executable specification, as OCaml: the oracle of tests/oracle. Its integers are Coq's own, so that nothing
   between theorem and program has to be believed but the extraction itself. *)
From Coq Require Import Extraction ExtrOcamlBasic ZArith.
From Sdwdate Require Import Transfer Agreement.

Extraction Language OCaml.
Extraction "specification.ml" combine claim agree agree_if at_the_limit.
