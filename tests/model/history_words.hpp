// Says what an outcome, an entry or an account is, in words that two sides can compare: by the contract's names, numbers as they are.
#pragma once

#include "engine/account_view.hpp"
#include "engine/entry.hpp"
#include "engine/outcome.hpp"
#include "tests/model/slow_model.hpp"

#include <string>

namespace tally::model {

// What the engine answered; the rules of the versions name rewards and tiers.
model_outcome shown(const outcome& outcome, const rules_history& versions);
model_outcome shown(const account_view& view, const rules_history& versions);
model_entry shown(const entry& entry);
// The reasons of a review, each followed by a space.
std::string reasons_of(review_reasons reasons);

std::string describe(const command& command);
std::string describe(const model_outcome& outcome);
std::string describe(const model_entry& entry);

} // namespace tally::model
