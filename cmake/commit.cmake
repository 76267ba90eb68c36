# Writes what figures are quoted with, the commit that is being built, to OUT as a header; run at every build, and nothing is built anew while
# it stays the same.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --tags
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define TALLY_COMMIT \"@commit@\"\n" @ONLY)
