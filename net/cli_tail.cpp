#include "net/cli_tail.hpp"

#include "net/outcome_json.hpp"

#include <cstdio>

namespace tally::net {

namespace {

bool print(const std::string& text) { return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0; }

} // namespace

int print_tail(client& server, const command& tail, const std::function<bool()>& go_on) {
  std::string lines;
  bool closed = false;
  const auto ended = server.tail(tail, [&](const answer* piece) {
    if (piece != nullptr) {
      lines.clear();
      append_outcome(lines, op::tail, {}, *piece);
      lines += '\n';
      closed = !print(lines);
    }
    return !closed && !interrupted() && go_on();
  });
  if (closed || interrupted())
    return exit_done;
  if (!ended)
    return complain(status_of(ended.error()), ended.error().what);
  if (ended->head.status == outcome_status::ok)
    return exit_done;
  lines.clear();
  append_outcome(lines, op::tail, {}, *ended);
  print(lines + '\n');
  return exit_no;
}

} // namespace tally::net
