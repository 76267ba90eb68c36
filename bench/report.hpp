// A benchmark's result as a table for people and as one JSON object for machines.
#pragma once

#include "bench/run.hpp"

#include <string>

namespace tally::bench {

std::string as_table(const run_options& options, const run_result& result);
std::string as_json(const run_options& options, const run_result& result);

std::string as_table(const memory_result& result);
std::string as_json(const memory_result& result);

} // namespace tally::bench
