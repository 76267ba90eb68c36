// `tally bench`: the canonical load, and what every figure is quoted from.
#pragma once

namespace CLI {
class App;
}

namespace tally::bench {

// Adds the subcommand to `app`; running it sets `exit_code`: 0 fine, 1 errors or not verified, 2 bad usage, 3 no server.
void register_bench_command(CLI::App& app, int& exit_code);

} // namespace tally::bench
