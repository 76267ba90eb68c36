#include "tests/fault/failing_calls.hpp"

#include "tests/fault/totals.hpp"

#include <gtest/gtest.h>

namespace tally::fault {
namespace {

using effect = call_fault::effect;
using kind = disk_call::kind;

// What it comes to for a call of that kind.
const char* name_of(effect what, kind of) {
  if ((what == effect::half_written && of != kind::write) || (what == effect::lost_sync && of != kind::sync))
    what = effect::io_error;
  switch (what) {
  case effect::io_error:
    return "fails";
  case effect::no_space:
    return "finds the disk full";
  case effect::half_written:
    return "is done by half and fails";
  case effect::lost_sync:
    return "fails, loses its bytes, and succeeds when called again";
  }
  return "";
}

} // namespace

std::string text_of(const call_fault& fault, const disk_call& failed) {
  return failed.text() + " " + name_of(fault.what, failed.what) + (fault.for_ever ? ", and so does all that follows" : "") + ", as call " +
         std::to_string(fault.nth);
}

void count_failing_call(const call_fault& fault, const disk_call& failed, const std::string& of_what) {
  count_fault(std::string("the n-th call fails: ") + fault::name_of(failed.what) + " " + name_of(fault.what, failed.what) + of_what);
}

std::uint64_t fail_calls(std::uint64_t first, std::uint64_t step, const faulty_life& play) {
  std::uint64_t runs = 0;
  for (std::uint64_t nth = first; !::testing::Test::HasFailure(); nth += step) {
    const std::optional<kind> failed = play({nth, {}, effect::io_error, false});
    if (!failed)
      break;
    runs += 3;
    play({nth, {}, effect::io_error, true});
    play({nth, {}, effect::no_space, true});
    if (*failed == kind::write)
      play({nth, {}, effect::half_written, false}), ++runs;
    if (*failed == kind::sync)
      play({nth, {}, effect::lost_sync, false}), ++runs;
  }
  return runs;
}

} // namespace tally::fault
