#include "tests/fault/power_cuts.hpp"

#include "tests/fault/totals.hpp"

#include <gtest/gtest.h>

namespace tally::fault {
namespace {

using bytes = power_loss::bytes;
using names = power_loss::names;

constexpr loss_kind kinds[] = {
    {{bytes::all, names::all}, "kill: all that was written is there"},
    {{bytes::none, names::none}, "power loss: all unsynced bytes and names lost"},
    {{bytes::none, names::all}, "power loss: all unsynced bytes lost"},
    {{bytes::prefix, names::prefix}, "power loss: unsynced bytes and names cut at some point", 3},
    {{bytes::sectors, names::prefix}, "power loss: unsynced sectors torn", 3},
    {{bytes::garbage, names::all}, "power loss: unsynced sectors torn, garbage in new ones", 3},
    {{bytes::prefix, names::any}, "power loss: any of the unsynced names kept"},
    {{bytes::all, names::none}, "power loss: all unsynced names lost"},
};

} // namespace

const std::span<const loss_kind> loss_kinds = kinds;

power_cuts::power_cuts(std::uint64_t seed, std::uint64_t wanted, std::string of_what)
    : random_(seed), wanted_(wanted), of_what_(std::move(of_what)) {}

bool power_cuts::is_done() const { return seen_.size() >= wanted_ || ::testing::Test::HasFailure(); }

bool power_cuts::is_new(const disk_content& left, std::uint64_t promised) {
  ++points_;
  return seen_.insert(left.fingerprint() * 31 + promised).second;
}

void power_cuts::after_every_call(const disk_content& before, const std::vector<disk_call>& calls, const promise& promised,
                                  const look& at) {
  disk_state state(before);
  for (std::size_t cut = 0; cut <= calls.size() && !is_done(); ++cut) {
    if (cut > 0)
      state.apply(calls[cut - 1]);
    for (const loss_kind& kind : loss_kinds)
      for (int draw = 0; draw < kind.draws && !::testing::Test::HasFailure(); ++draw) {
        const disk_content left = state.after(kind.how, random_);
        if (!is_new(left, promised(cut)))
          continue;
        count_fault(kind.name + of_what_);
        at(left, cut, kind);
      }
  }
}

disk_content power_cuts::after_some_call(const disk_content& before, const std::vector<disk_call>& calls, std::size_t cut) {
  disk_state state(before);
  for (std::size_t i = 0; i < cut; ++i)
    state.apply(calls[i]);
  return after_some_loss(state);
}

std::string story(const std::vector<disk_call>& calls, std::size_t cut, const char* what) {
  return std::string(what) + " after call " + std::to_string(cut) + " of " + std::to_string(calls.size()) + "\n" + last_calls(calls, cut);
}

} // namespace tally::fault
