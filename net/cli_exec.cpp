// `tally exec`: operations as JSON lines in, outcomes as JSON lines out, in the same order, pipelined.
// An outcome appears as soon as it is there, whether or not more input comes.
#include "net/cli.hpp"
#include "net/cli_tail.hpp"
#include "net/operation_json.hpp"
#include "net/outcome_json.hpp"

#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>

namespace tally::net {

namespace {

constexpr std::size_t line_bytes_max = 4 << 20;
constexpr std::size_t read_bytes = 64 << 10;
constexpr std::size_t write_bytes = 64 << 10;
constexpr int collect_every = 64; // operations sent between looks at what was answered
constexpr int wait_ms = 100;      // how late a Ctrl-C may be seen that falls between a look and a wait

// One line of input whose outcome is not printed yet.
struct waiting_line {
  op kind = op::none;
  std::string account;
  std::string outcome; // of a line that was never sent
};

class exec_session {
public:
  exec_session(client& server, int input, std::size_t in_flight_max, std::string merchant)
      : server_(server), input_(input), in_flight_max_(in_flight_max), merchant_(std::move(merchant)) {}

  int run() {
    bool more = true;
    while (more && !followed_ && !interrupted() && status_ != exit_unreachable && !closed_) {
      if (readable(server_.in_flight() == 0 ? wait_ms : 0))
        more = read_lines();
      else
        collect_one();
    }
    while (server_.in_flight() > 0 && status_ != exit_unreachable && !closed_)
      collect_one();
    print_ready();
    write_out();
    return finish();
  }

private:
  // True at the end of the input too: reading says which.
  bool readable(int timeout_ms) {
    if (timeout_ms != 0)
      write_out(); // nothing else will come for a while
    pollfd waiting{input_, POLLIN, 0};
    return ::poll(&waiting, 1, timeout_ms) > 0;
  }

  bool read_lines() {
    const std::size_t before = unread_.size();
    unread_.resize(before + read_bytes);
    const ssize_t n = ::read(input_, unread_.data() + before, read_bytes);
    unread_.resize(before + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n < 0) {
      if (errno == EINTR || errno == EAGAIN)
        return true;
      status_ = complain(exit_usage, std::string{"cannot read the input: "} + std::strerror(errno));
      return false;
    }
    take_lines(n == 0);
    return n > 0;
  }

  void take_lines(bool at_end) {
    std::size_t begin = 0;
    std::size_t search = looked_at_;
    for (;;) {
      const std::size_t end = unread_.find('\n', search);
      if (end == std::string::npos)
        break;
      rest_ = std::string_view{unread_}.substr(end + 1);
      take_line(std::string_view{unread_}.substr(begin, end - begin));
      begin = search = end + 1;
      if (status_ == exit_unreachable || closed_ || interrupted())
        break;
    }
    unread_.erase(0, begin);
    rest_ = {};
    if (at_end && !unread_.empty()) {
      take_line(unread_);
      unread_.clear();
    }
    if (unread_.size() > line_bytes_max) {
      skipping_ = true; // its end may never come
      unread_.clear();
    }
    looked_at_ = unread_.size();
  }

  void take_line(std::string_view line) {
    if (skipping_) {
      skipping_ = false;
      return answer_here({"the line is longer than 4 MiB", ""});
    }
    if (line.find_first_not_of(" \t\r") == std::string_view::npos)
      return;
    command operation;
    if (const auto problem = reader_.read(line, operation))
      return answer_here(*problem);
    if (operation.merchant.empty())
      operation.merchant = merchant_;
    if (operation.kind == op::tail)
      return follow(operation);
    if (server_.in_flight() >= in_flight_max_)
      collect_one();
    if (status_ == exit_unreachable)
      return;
    const auto sent = server_.send(operation);
    if (!sent && sent.error().code == failure_code::bad_argument)
      return answer_here({sent.error().what, ""});
    if (!sent)
      return lose(sent.error());
    waiting_.push_back({operation.kind, std::string{operation.account}, {}});
    ++sent_;
    if (++since_look_ == collect_every) {
      since_look_ = 0;
      while (server_.has_answer() && status_ != exit_unreachable)
        collect_one();
    }
  }

  // The last operation: its entries come until somebody ends it.
  void follow(const command& tail) {
    if (!is_blank(rest_))
      return answer_here({"a tail must be the last operation", "op"});
    while (server_.in_flight() > 0 && status_ != exit_unreachable && !closed_)
      collect_one();
    print_ready();
    write_out();
    if (status_ == exit_unreachable || closed_ || interrupted())
      return;
    followed_ = true;
    status_ = print_tail(server_, tail, [this] { return !more_came(); });
    if (more_came())
      status_ = complain(exit_usage, "more input came: a tail must be the last operation");
  }

  // Whether anything but empty lines has come behind the tail.
  bool more_came() {
    pollfd waiting{input_, POLLIN, 0};
    while (!input_ended_ && is_blank(late_) && ::poll(&waiting, 1, 0) > 0) {
      late_.resize(read_bytes);
      const ssize_t n = ::read(input_, late_.data(), late_.size());
      late_.resize(static_cast<std::size_t>(n > 0 ? n : 0));
      input_ended_ = n <= 0;
    }
    return !is_blank(late_);
  }

  static bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

  void answer_here(const operation_problem& problem) {
    failed_ = true;
    waiting_.emplace_back();
    append_invalid(waiting_.back().outcome, problem);
    print_ready();
  }

  // Waits for one answer if none is there.
  void collect_one() {
    print_ready();
    if (server_.in_flight() == 0)
      return;
    if (!server_.has_answer())
      write_out();
    const auto received = server_.receive();
    if (!received)
      return lose(received.error());
    const waiting_line& line = waiting_.front();
    append_outcome(out_, line.kind, line.account, *received);
    out_ += '\n';
    failed_ = failed_ || is_failure(received->head.status);
    ++answered_;
    waiting_.pop_front();
    print_ready();
    show_progress();
  }

  // Where the outcomes go elsewhere, a person at a terminal sees how far it is.
  void show_progress() {
    if (!progress_.shown || answered_ % 1024 != 0)
      return;
    const auto now = std::chrono::steady_clock::now();
    if (now - progress_.last < std::chrono::milliseconds(200))
      return;
    progress_.last = now;
    std::fprintf(stderr, "\r%llu answered", static_cast<unsigned long long>(answered_));
  }

  static bool is_failure(outcome_status status) {
    return status == outcome_status::invalid || status == outcome_status::forbidden || status == outcome_status::overloaded ||
           status == outcome_status::unavailable;
  }

  // Lines that need no server and whose turn it is.
  void print_ready() {
    while (!waiting_.empty() && !waiting_.front().outcome.empty()) {
      out_ += waiting_.front().outcome;
      out_ += '\n';
      waiting_.pop_front();
    }
    if (out_.size() >= write_bytes)
      write_out();
  }

  void write_out() {
    std::size_t written = 0;
    while (written < out_.size() && !closed_) {
      const ssize_t n = ::write(STDOUT_FILENO, out_.data() + written, out_.size() - written);
      if (n >= 0)
        written += static_cast<std::size_t>(n);
      else if (errno != EINTR)
        closed_ = true;
    }
    out_.clear();
  }

  void lose(const failure& why) {
    lost_ = why.what;
    status_ = exit_unreachable;
  }

  int finish() {
    if (progress_.last != std::chrono::steady_clock::time_point{})
      std::fputs("\r\033[K", stderr);
    const std::string counts = std::to_string(answered_) + " of " + std::to_string(sent_) + " operations sent were answered";
    if (status_ == exit_unreachable)
      return complain(exit_unreachable, lost_ + "; " + counts + ", the others may have been decided: send them again to know");
    if (closed_)
      return complain(exit_no, "the output was closed; " + counts);
    if (interrupted() && !followed_)
      return complain(exit_interrupted, "interrupted; " + counts);
    if (status_ == exit_done && failed_)
      return exit_no;
    return status_;
  }

  client& server_;
  const int input_;
  std::size_t in_flight_max_;
  std::string merchant_;
  operation_reader reader_;
  std::deque<waiting_line> waiting_;
  std::string unread_; // input that is no complete line yet
  std::size_t looked_at_ = 0;
  std::string_view rest_;    // of it, behind the line that is taken
  std::string late_;         // what came behind a tail
  bool input_ended_ = false; // while it went on
  bool followed_ = false;    // the tail has ended
  bool skipping_ = false;    // a line too long to be kept
  std::string out_;
  std::string lost_;
  std::uint64_t sent_ = 0, answered_ = 0;
  int since_look_ = 0;
  bool failed_ = false;
  bool closed_ = false; // nobody reads the output any more
  int status_ = exit_done;
  struct {
    bool shown = ::isatty(STDERR_FILENO) != 0 && ::isatty(STDOUT_FILENO) == 0;
    std::chrono::steady_clock::time_point last;
  } progress_;
};

struct exec_flags {
  server_flags server;
  std::string merchant;
  std::string file;
  std::size_t in_flight = client_options{}.in_flight_max;
  int reconnect_seconds = 10;
};

int run_exec(const exec_flags& flags) {
  int input = STDIN_FILENO;
  if (!flags.file.empty() && flags.file != "-") {
    input = ::open(flags.file.c_str(), O_RDONLY | O_CLOEXEC);
    if (input < 0)
      return complain(exit_usage, "cannot open " + flags.file + ": " + std::strerror(errno));
  }
  client_options options;
  options.in_flight_max = flags.in_flight;
  options.reconnect_for = std::chrono::seconds(flags.reconnect_seconds);
  const connection connected = connect(flags.server, options);
  int status = connected.status;
  if (connected.server) {
    catch_interrupts();
    status = exec_session{*connected.server, input, flags.in_flight, flags.merchant}.run();
  }
  if (input != STDIN_FILENO)
    ::close(input);
  return status;
}

} // namespace

void register_exec_command(CLI::App& tally, int& status) {
  CLI::App* exec = tally.add_subcommand("exec", "Runs operations given as JSON lines and prints one outcome a line, in that order");
  const auto flags = std::make_shared<exec_flags>();
  flags->server.add_to(*exec);
  exec->add_option("--merchant", flags->merchant, "for operations that name none")->envname("TALLY_MERCHANT")->type_name("ID");
  exec->add_option("--in-flight", flags->in_flight, "operations sent ahead of their answers")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N");
  exec->add_option("--reconnect-for", flags->reconnect_seconds, "seconds to try again after the connection broke")
      ->check(CLI::Range(0, 86'400))
      ->type_name("N");
  exec->add_option("FILE", flags->file, "the operations; standard input if absent or -")->type_name("");
  exec->footer(
      "A tail streams until Ctrl-C and must be the last operation.\n"
      "Exit status: 1 if any outcome is invalid, forbidden, overloaded or unavailable; skipped and rejected are ordinary business.\n"
      "Example: tally exec --server 127.0.0.1:7411 day.jsonl > outcomes.jsonl");
  exec->callback([flags, &status] { status = run_exec(*flags); });
}

} // namespace tally::net
