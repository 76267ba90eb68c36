// Outcomes as tables for people, made from the JSON that machines get.
#pragma once

#include "engine/names.hpp"

#include <string>
#include <string_view>

namespace tally::net {

// `outcome` is what append_outcome wrote. Ends with a line end.
std::string show_outcome(op kind, std::string_view outcome);

} // namespace tally::net
