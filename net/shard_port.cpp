// See shard_port.hpp. epoll is edge-triggered, each socket registered once for both directions: a short read means empty,
// a short write means full, and the next edge comes by itself.
#include "net/shard_port.hpp"

#include "net/document_codec.hpp"
#include "net/operation_rules.hpp"
#include "net/reply_frame.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tally::net {
namespace {

using clock = std::chrono::steady_clock;
using phase = session::phase;

constexpr std::string_view software = "tallyd/0.1.0";
constexpr std::size_t arena_bytes = 512 * 1024;
constexpr std::size_t read_bytes_max = 128 * 1024; // of one connection in one turn
constexpr std::size_t events_per_wait = 256;
constexpr std::size_t accepts_per_turn = 64;
constexpr std::uint64_t wake_tag = ~std::uint64_t{0};
constexpr std::uint64_t listener_tag = wake_tag - 1;

// How much of what a session may have in flight an operation takes: long answers count for their length.
std::uint32_t weight_of(const command& operation) {
  switch (operation.kind) {
  case op::history:
    return 1 + operation.limit.value_or(50) / 4;
  case op::statement: // nobody knows how long it will be
    return 1 + history_limit_max / 4;
  case op::program:
    return 64;
  default:
    return 1;
  }
}

std::size_t held_by(const session& of) { return of.input.capacity() + of.answers.memory_bytes(); }

std::chrono::milliseconds tick_of(const server_limits& limits) {
  const auto least = std::min({limits.hello_timeout, limits.half_frame_timeout, limits.slow_reader_timeout, limits.linger_timeout});
  return std::clamp(least / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
}

} // namespace

shard_port::shard_port(server_shared& shared)
    : shared_(shared), tick_(tick_of(shared.limits)), now_(clock::now()), next_tick_(now_ + tick_), arena_(new std::byte[arena_bytes]) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  TALLY_ASSERT(epoll_ >= 0 && wake_event_ >= 0, errno);
  epoll_event event{EPOLLIN | EPOLLET, {.u64 = wake_tag}};
  TALLY_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_event_, &event) == 0, errno);
}

shard_port::~shard_port() {
  for (auto& each : sessions_) {
    if (each != nullptr && each->descriptor >= 0)
      ::close(each->descriptor);
  }
  for (const auto& [socket, refused] : handed_over_)
    ::close(socket);
  ::close(wake_event_);
  ::close(epoll_);
}

void shard_port::hand_over(int socket, bool refused) {
  {
    const std::lock_guard guard(handed_over_lock_);
    handed_over_.emplace_back(socket, refused);
  }
  anything_handed_over_.store(true, std::memory_order_release);
  wake();
}

void shard_port::listen(int listener, std::function<void(int)> take) {
  {
    const std::lock_guard guard(handed_over_lock_);
    listener_handed_over_ = listener;
    take_accepted_ = std::move(take);
  }
  anything_handed_over_.store(true, std::memory_order_release);
  wake();
}

void shard_port::drain(std::function<void()> done) {
  drained_ = std::move(done);
  draining_.store(true, std::memory_order_release);
  wake();
}

// The shard looks at what it was woken for after `poll` has returned: a wake before the sleep must prevent it.
void shard_port::wake() {
  woken_.store(true, std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst)) {
    const std::uint64_t one = 1;
    static_cast<void>(::write(wake_event_, &one, sizeof one)); // never read: each write is an edge of its own
  }
}

// ---- the loop -----------------------------------------------------------------------------------------------------------

void shard_port::poll(actors::shard& owner, std::chrono::steady_clock::time_point wait_until) {
  owner_ = &owner;
  ++turn_;
  if (flush_needed_)
    flush_waiting();
  if (anything_handed_over_.load(std::memory_order_acquire))
    take_handed_over();
  if (!tails_.empty())
    ask_tails(wait_until);
  wait_for_events(wait_until);
  read_ready();
  if (now_ >= next_tick_)
    on_tick();
  if (draining_.load(std::memory_order_acquire))
    drain_sessions();
  reap();
  owner_ = nullptr;
}

void shard_port::wait_for_events(time_point wait_until) {
  int timeout_ms = 0;
  now_ = clock::now();
  if ((ready_.empty() || owner_->is_full()) && wait_until > now_) {
    if (session_count_ != 0 || accept_again_ || draining_.load(std::memory_order_relaxed))
      wait_until = std::min(wait_until, next_tick_);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wait_until - now_).count();
    timeout_ms = static_cast<int>(std::clamp<long long>(left, 0, 60'000));
  }
  std::array<epoll_event, events_per_wait> events;
  if (timeout_ms != 0) {
    sleeping_.store(true, std::memory_order_seq_cst);
    if (woken_.load(std::memory_order_seq_cst))
      timeout_ms = 0;
  }
  const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  TALLY_ASSERT(count >= 0 || errno == EINTR, errno);
  sleeping_.store(false, std::memory_order_relaxed);
  woken_.exchange(false, std::memory_order_acq_rel);
  if (timeout_ms != 0)
    now_ = clock::now();

  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == wake_tag)
      continue;
    if (event.data.u64 == listener_tag) {
      accept_new();
      continue;
    }
    session& of = *sessions_[event.data.u64];
    if (of.at == phase::gone)
      continue;
    if ((event.events & (EPOLLERR | EPOLLHUP)) != 0 && (event.events & EPOLLIN) == 0) {
      drop(of);
      continue;
    }
    if (of.blocked && (event.events & EPOLLOUT) != 0) {
      of.blocked = false;
      flush(of);
    }
    if ((event.events & (EPOLLIN | EPOLLRDHUP)) != 0 && of.at != phase::gone) {
      of.readable = true;
      of.end_near |= (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
      make_ready(of);
    }
  }
}

void shard_port::accept_new() {
  accept_again_ = false;
  for (std::size_t i = 0; i < accepts_per_turn && listener_ >= 0; ++i) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      take_accepted_(socket);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // the listener stays readable: look away until the next tick
      epoll_event event{0, {.u64 = listener_tag}};
      ::epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event);
      accept_again_ = true;
    }
    if (errno != ECONNABORTED && errno != EINTR)
      return;
  }
}

void shard_port::take_handed_over() {
  std::vector<std::pair<int, bool>> sockets;
  {
    const std::lock_guard guard(handed_over_lock_);
    sockets.swap(handed_over_);
    if (listener_handed_over_ >= 0) {
      listener_ = std::exchange(listener_handed_over_, -1);
      epoll_event event{EPOLLIN, {.u64 = listener_tag}};
      TALLY_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) == 0, errno);
    }
    anything_handed_over_.store(false, std::memory_order_relaxed);
  }
  for (const auto& [socket, refused] : sockets)
    open_session(socket, refused);
}

void shard_port::read_ready() {
  reading_.swap(ready_);
  for (session* each : reading_) {
    each->in_ready = false;
    if (each->at == phase::lingering || each->at == phase::finishing)
      discard_input(*each);
    else if (owner_->is_full())
      make_ready(*each); // for a turn in which there is room again
    else if (each->may_read() && held_by(*each) <= allowance_bytes_)
      read(*each);
  }
  reading_.clear();
  submit_staged();
}

void shard_port::on_tick() {
  next_tick_ = now_ + tick_;
  if (accept_again_ && listener_ >= 0) {
    epoll_event event{EPOLLIN, {.u64 = listener_tag}};
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event);
    accept_again_ = false;
  }
  const server_limits& limits = shared_.limits;
  for (const auto& each : sessions_) {
    if (each == nullptr || each->at == phase::gone)
      continue;
    session& of = *each;
    if (of.at == phase::greeting && now_ - of.since >= limits.hello_timeout)
      refuse(of, outcome_status::invalid, "no hello came");
    else if (of.at == phase::open && of.half_frame && !of.paused && now_ - of.half_frame_since >= limits.half_frame_timeout)
      refuse(of, outcome_status::invalid, "a frame began and did not end");
    else if (of.at == phase::lingering && now_ - of.since >= limits.linger_timeout)
      drop(of);
    if (of.at != phase::gone && of.blocked && now_ - of.blocked_since >= limits.slow_reader_timeout)
      drop(of);
  }
  check_memory();
}

// Each connection is bounded, but there may be thousands: past the server's share for this port, those that hold more than
// an equal part are left alone until their time is up or others have given theirs back.
void shard_port::check_memory() {
  constexpr std::size_t allowance_min = 64 * 1024;
  builder_.Reset(); // the largest document so far is not kept for ever
  std::size_t held = 0;
  for (const auto& each : sessions_) {
    if (each == nullptr || each->at == phase::gone)
      continue;
    each->answers.trim();
    held += held_by(*each);
  }
  const std::size_t budget = shared_.limits.memory_bytes_max / shared_.ports;
  const bool was_short = allowance_bytes_ != ~std::size_t{0};
  allowance_bytes_ = held <= budget ? ~std::size_t{0} : std::max(allowance_min, budget / std::max(1u, session_count_));
  if (!was_short)
    return;
  for (const auto& each : sessions_) {
    if (each == nullptr || !each->may_read())
      continue;
    if ((each->readable || !each->input.empty()) && held_by(*each) <= allowance_bytes_)
      make_ready(*each);
  }
}

// ---- input --------------------------------------------------------------------------------------------------------------

void shard_port::open_session(int socket, bool refused) {
  if (draining_.load(std::memory_order_relaxed)) {
    ::close(socket);
    shared_.counter(refused).fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(sessions_.size());
    sessions_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  sessions_[index] = std::make_unique<session>(socket, index, now_);
  session& of = *sessions_[index];
  of.counted = !refused;
  ++session_count_;
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u64 = index}};
  TALLY_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) == 0, errno);
  if (refused) {
    of.answers.say(build_hello(builder_, protocol_version, software));
    refuse(of, outcome_status::overloaded, "too many connections");
  }
}

// One read. The bytes of a frame that began earlier go behind its first ones, everything else into the arena, where complete
// frames are decoded in place.
void shard_port::read(session& from) {
  if (!from.input.empty()) { // frames that had to wait: there is work without reading
    bytes_view nothing;
    static_cast<void>(take_kept(from, nothing));
  }
  if (!from.readable || !from.may_read()) {
    note_half_frame(from);
    return;
  }
  if (arena_bytes - arena_used_ < read_bytes_max)
    submit_staged();
  if (staged_count_ == 0)
    arena_used_ = 0;

  const frame_cut begun = cut_frame(from.input.bytes(), request_frame_bytes_max);
  std::size_t missing = 0; // of the frame that began, as far as is known: always up to a multiple of 8
  if (!from.input.empty())
    missing = (begun.bytes == 0 ? frame_alignment : begun.bytes) - from.input.size();
  const std::size_t kept_room = std::min(missing, std::max<std::size_t>(from.input.size(), 4096)); // memory follows what has come
  const std::size_t kept_take = kept_room == missing ? missing : kept_room - (from.input.size() + kept_room) % frame_alignment;
  std::array<iovec, 2> parts{
      {{kept_take == 0 ? nullptr : from.input.reserve(kept_take), kept_take}, {arena_.get() + arena_used_, read_bytes_max}}};
  const ssize_t n = ::readv(from.descriptor, parts.data(), static_cast<int>(parts.size()));
  if (n <= 0) {
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      from.readable = errno == EINTR;
      if (from.readable)
        make_ready(from);
      return;
    }
    from.readable = false;
    from.input_ended = true;
    if (n < 0)
      drop(from);
    else
      enter(from, phase::finishing);
    return;
  }
  const auto bytes = static_cast<std::size_t>(n);
  from.readable = bytes == kept_take + read_bytes_max || from.end_near; // the end makes no edge of its own
  const std::size_t kept = std::min(bytes, kept_take);
  from.input.grow(kept);
  const bytes_view in_arena(arena_.get() + arena_used_, bytes - kept);
  arena_used_ += (in_arena.size() + 63) / 64 * 64;
  take_read(from, in_arena);
  if (from.readable)
    make_ready(from);
}

// What comes while nothing is read any more; only its end matters.
void shard_port::discard_input(session& from) {
  std::array<std::byte, 16 * 1024> nowhere;
  for (int i = 0; i < 16; ++i) {
    const ssize_t n = ::recv(from.descriptor, nowhere.data(), nowhere.size(), 0);
    if (n > 0)
      continue;
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      return;
    from.input_ended = true;
    if (n < 0 || from.at == phase::lingering)
      drop(from);
    return;
  }
  make_ready(from);
}

void shard_port::take_read(session& from, bytes_view in_arena) {
  if (from.input.empty() || take_kept(from, in_arena)) {
    const std::size_t taken = take_frames(from, in_arena);
    from.input.append(in_arena.subspan(taken));
  } else {
    from.input.append(in_arena);
  }
  note_half_frame(from);
}

// Frames that are kept in `input`, completed from `more` where one is missing bytes. True: `input` is used up. Operations
// point into it, so they are submitted before it changes.
bool shard_port::take_kept(session& from, bytes_view& more) {
  while (!from.input.empty()) {
    const frame_cut cut = cut_frame(from.input.bytes(), request_frame_bytes_max);
    if (cut.what == frame_cut::state::incomplete) {
      const std::size_t wanted = (cut.bytes == 0 ? frame_alignment : cut.bytes) - from.input.size();
      const std::size_t there = std::min(wanted, more.size());
      if (there == 0)
        return false;
      from.input.append(more.first(there));
      more = more.subspan(there);
      continue;
    }
    const std::size_t taken = take_frames(from, from.input.bytes());
    submit_staged();
    from.input.drop(taken);
    if (taken == 0)
      return false; // paused
  }
  return true;
}

// Takes whole frames; returns how many bytes are done with. Less than a frame is left, or the session was paused.
std::size_t shard_port::take_frames(session& from, bytes_view stream) {
  std::size_t taken = 0;
  while (from.may_read()) {
    const bytes_view rest = stream.subspan(taken);
    const frame_cut cut = cut_frame(rest, request_frame_bytes_max);
    if (cut.what == frame_cut::state::incomplete)
      return taken;
    if (cut.what == frame_cut::state::malformed) {
      refuse(from, outcome_status::invalid, "malformed frame");
      break;
    }
    if (!take_frame(from, rest.first(cut.bytes)))
      return taken;
    taken += cut.bytes;
  }
  return from.paused ? taken : stream.size(); // what comes after an error or a farewell is nothing
}

// False: the session was paused in the middle.
bool shard_port::take_frame(session& from, bytes_view bytes) {
  const wire::frame* frame =
      from.frame_verified ? flatbuffers::GetSizePrefixedRoot<wire::frame>(bytes.data()) : verify_request_frame(bytes);
  if (frame == nullptr) {
    refuse(from, outcome_status::invalid, "malformed frame");
    return true;
  }
  if (const wire::hello* hello = frame->body_as_hello()) {
    take_hello(from, *hello);
    return true;
  }
  const wire::request& request = *frame->body_as_request();
  if (from.at == phase::greeting) {
    refuse(from, outcome_status::invalid, "the first frame must be a hello");
    return true;
  }
  if (!from.frame_verified && !take_ids(from, request))
    return true;
  from.frame_verified = true;
  if (!take_operations(from, request))
    return false;
  from.frame_verified = false;
  from.next_operation = 0;
  from.half_frame = false; // one ended; the next begins now
  return true;
}

void shard_port::take_hello(session& from, const wire::hello& hello) {
  if (from.at != phase::greeting)
    return refuse(from, outcome_status::invalid, "a second hello");
  from.answers.say(build_hello(builder_, protocol_version, software));
  expect_flush(from);
  enter(from, hello.version() == protocol_version ? phase::open : phase::finishing);
}

// Once a frame, before its first operation. False: refused.
bool shard_port::take_ids(session& from, const wire::request& request) {
  const std::uint64_t first_id = request.first_id();
  const std::uint64_t count = request.operations_type()->size();
  if (first_id < from.least_id || first_id + count < first_id) {
    refuse(from, outcome_status::invalid, "ids must rise");
    return false;
  }
  from.least_id = first_id + count;
  return true;
}

bool shard_port::take_operations(session& from, const wire::request& request) {
  const auto& kinds = *request.operations_type();
  const auto& tables = *request.operations();
  const std::uint64_t first_id = request.first_id();
  for (std::uint32_t& i = from.next_operation; i < kinds.size(); ++i) {
    if (!from.may_read())
      return false;
    const auto kind = static_cast<op>(kinds.Get(i));
    if (!take_operation(from, first_id + i, kind, tables.GetAs<void>(i)))
      return false;
  }
  return true;
}

// False: it has to wait until everything before it is answered.
bool shard_port::take_operation(session& from, std::uint64_t id, op kind, const void* table) {
  if (from.tail != nullptr) {
    refuse(from, outcome_status::invalid, "this connection carries a tail and nothing else: ask on another one");
    return true;
  }
  if (staged_count_ == staged_.size())
    submit_staged();
  actors::request& staged = staged_[staged_count_];
  const auto refuse_operation = [&](const char* what, const char* where) {
    const std::uint64_t number = from.answers.expect(id, 1);
    outcome invalid;
    invalid.kind = kind;
    invalid.status = outcome_status::invalid;
    invalid.what = what;
    invalid.where = where;
    answer(actors::reply_to{from.index, number}, invalid, seq_t{});
  };
  if (kind == op::none || static_cast<std::uint8_t>(kind) >= op_count) {
    refuse_operation("unknown operation", "op");
    return true;
  }
  if (const char* field = decode_operation(kind, table, staged_lines_[staged_count_], staged.command)) {
    const std::string_view name = field;
    refuse_operation(name == "kinds" || name == "kind" ? "unknown kind of entry" : "out of range", field);
    return true;
  }
  if (const char* what = check_operation(staged.command, where_)) {
    refuse_operation(what, where_.c_str());
    return true;
  }
  const bool alone = actors::shard::goes_alone(staged.command);
  if (alone && from.answers.unanswered() != 0) {
    const actors::request kept = staged; // its texts stay where they are; its place is reused
    submit_staged();
    if (from.answers.unanswered() != 0) {
      from.paused = from.wait_answered = true;
      return false;
    }
    staged_[0] = kept;
  } else if (alone && staged_count_ != 0) {
    const actors::request kept = staged;
    submit_staged();
    staged_[0] = kept;
  }
  if (kind == op::tail) {
    begin_tail(from, id, staged_[staged_count_].command);
    return true;
  }
  const std::uint32_t weight = weight_of(staged_[staged_count_].command);
  staged_[staged_count_].from = {from.index, from.answers.expect(id, weight)};
  ++staged_count_;
  if (alone) {
    submit_staged();
    if (from.answers.unanswered() != 0)
      from.paused = from.wait_answered = true;
  }
  if (from.answers.weight() >= in_flight_weight_max || from.answers.output_bytes() >= output_allowed())
    from.paused = true;
  return true;
}

void shard_port::submit_staged() {
  if (staged_count_ == 0)
    return;
  const std::size_t count = std::exchange(staged_count_, 0);
  owner_->submit({staged_.data(), count});
}

void shard_port::note_half_frame(session& from) {
  const bool half = !from.input.empty();
  if (half && !from.half_frame)
    from.half_frame_since = now_;
  from.half_frame = half;
}

// Says what is wrong with the connection, after everything it was promised, and ends it.
void shard_port::refuse(session& from, outcome_status status, std::string what) {
  outcome refusal;
  refusal.status = status;
  refusal.what = std::move(what);
  const std::uint64_t number = from.answers.expect(0, 1);
  enter(from, phase::finishing);
  answer(actors::reply_to{from.index, number}, refusal, seq_t{});
}

// ---- output -------------------------------------------------------------------------------------------------------------

void shard_port::answer(const actors::reply_to& to, const outcome& answer, seq_t release_at) {
  session& of = session_of(to);
  if (is_tail(of, to.id)) {
    actors::document instead;
    instead.head = answer;
    return take_piece(of, instead);
  }
  if (fits_reply(answer))
    of.answers.answer(to.id, answer, release_at, turn_);
  else
    of.answers.answer(to.id, build_answer(builder_, of.answers.id_of(to.id), answer), release_at, turn_);
  after_answer(of, release_at);
}

void shard_port::answer(const actors::reply_to& to, std::unique_ptr<actors::document> answer, seq_t release_at) {
  session& of = session_of(to);
  if (is_tail(of, to.id))
    return take_piece(of, *answer);
  of.answers.answer(to.id, build_answer(builder_, of.answers.id_of(to.id), *answer), release_at, turn_);
  after_answer(of, release_at);
}

void shard_port::after_answer(session& to, seq_t release_at) {
  if (to.at == phase::gone) // nobody reads it; the last one frees the session
    return;
  if (!to.in_waiting) {
    to.in_waiting = true;
    waiting_.push_back(&to);
  }
  flush_needed_ |= release_at <= durable_;
  if (to.paused)
    resume_if_let(to);
}

void shard_port::expect_flush(session& of) { after_answer(of, seq_t{}); }

void shard_port::durable(seq_t durable) {
  durable_ = durable;
  flush_waiting();
}

void shard_port::flush_waiting() {
  flush_needed_ = false;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    session& of = *waiting_[i];
    flush(of);
    of.in_waiting = of.at != phase::gone && !of.answers.output_empty();
    if (of.in_waiting)
      waiting_[kept++] = &of;
  }
  waiting_.resize(kept);
}

void shard_port::flush(session& of) {
  if (of.at == phase::gone)
    return;
  if (!of.blocked)
    send_released(of);
  if (of.paused)
    resume_if_let(of);
  close_when_done(of);
}

void shard_port::send_released(session& of) {
  for (;;) {
    const bytes_view bytes = of.answers.sendable(durable_);
    if (bytes.empty())
      return;
    const ssize_t n = ::send(of.descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno != EAGAIN)
      return drop(of);
    const std::size_t sent = n < 0 ? 0 : static_cast<std::size_t>(n);
    of.answers.sent(sent);
    // a slow reader has its time for what was there when it began to be slow, not for each byte
    of.blocked_bytes -= std::min<std::uint64_t>(of.blocked_bytes, sent);
    if (sent == bytes.size())
      return;
    of.blocked = true;
    if (of.blocked_bytes == 0) {
      of.blocked_bytes = bytes.size() - sent;
      of.blocked_since = now_;
    }
    return;
  }
}

void shard_port::resume_if_let(session& of) {
  if (of.wait_answered ? of.answers.unanswered() != 0
                       : of.answers.weight() > in_flight_weight_max / 2 || of.answers.output_bytes() > output_allowed() / 2)
    return;
  of.paused = of.wait_answered = false;
  of.half_frame = false; // its time did not run
  make_ready(of);
}

void shard_port::make_ready(session& of) {
  if (of.in_ready || of.at == phase::gone)
    return;
  of.in_ready = true;
  ready_.push_back(&of);
}

// ---- tails --------------------------------------------------------------------------------------------------------------

void shard_port::begin_tail(session& of, std::uint64_t id, const command& asked) {
  const std::uint64_t number = of.answers.expect(id, 1);
  if (tails_.size() >= std::max(1u, shared_.limits.tails_max / shared_.ports)) {
    outcome refused;
    refused.kind = op::tail;
    refused.status = outcome_status::overloaded;
    refused.what = "too many tails";
    return answer(actors::reply_to{of.index, number}, refused, seq_t{});
  }
  of.tail = std::make_unique<session::subscription>();
  of.tail->merchant = asked.merchant;
  of.tail->kinds = asked.kinds;
  of.tail->next = std::max(asked.seq.value_or(seq_t{1}), seq_t{1});
  of.tail->number = number;
  of.in_tails = true;
  tails_.push_back(&of);
  owner_->follow(true);
}

void shard_port::ask_tails(time_point& wait_until) {
  now_ = clock::now();
  for (std::size_t i = 0; i < tails_.size();) {
    session& of = *tails_[i];
    if (ask_tail(of, wait_until)) {
      ++i;
    } else {
      of.in_tails = false;
      tails_[i] = tails_.back();
      tails_.pop_back();
    }
  }
  owner_->follow(!tails_.empty());
  if (flush_needed_) // one was refused
    wait_until = {};
}

// False: the tail has ended.
bool shard_port::ask_tail(session& of, time_point& wait_until) {
  if (of.tail == nullptr)
    return false;
  session::subscription& tail = *of.tail;
  if (tail.asked || tail.next > durable_ || !of.answers.output_empty())
    return true;
  if (tail.not_before > now_) {
    wait_until = std::min(wait_until, tail.not_before);
    return true;
  }
  tail.asked = true;
  actors::request asked;
  asked.command.kind = op::tail;
  asked.command.merchant = tail.merchant;
  asked.command.kinds = tail.kinds;
  asked.command.seq = tail.next;
  asked.from = {of.index, tail.number};
  owner_->submit({&asked, 1});
  return of.tail != nullptr;
}

// What it shows was durable before it was read.
void shard_port::take_piece(session& of, const actors::document& piece) {
  session::subscription& tail = *of.tail;
  tail.asked = false;
  if (of.at != phase::open)
    return end_tail(of);
  if (piece.head.status != outcome_status::ok) {
    of.answers.part(tail.number, build_answer(builder_, of.answers.id_of(tail.number), piece), turn_);
    return enter(of, phase::finishing);
  }
  if (!piece.entries.entries().empty()) {
    of.answers.part(tail.number, build_answer(builder_, of.answers.id_of(tail.number), piece), turn_);
    after_answer(of, seq_t{});
  }
  tail.next = piece.seq->plus(1);
  tail.not_before = piece.more ? now_ : now_ + tail_pause;
}

// Nothing of it is on its way any more, and the connection will not ask again.
void shard_port::end_tail(session& of) {
  of.answers.end_parts(of.tail->number, turn_);
  of.tail.reset();
  expect_flush(of);
}

// ---- the end of a connection --------------------------------------------------------------------------------------------

void shard_port::enter(session& of, phase next) {
  of.at = next;
  of.since = now_;
  if (next != phase::finishing)
    return;
  if (of.tail != nullptr && !of.tail->asked)
    end_tail(of);
  expect_flush(of);
}

// A session that is finishing has nothing left to say: our half closes.
void shard_port::close_when_done(session& of) {
  if (of.at != phase::finishing || !of.answers.empty())
    return;
  if (of.input_ended)
    return drop(of);
  ::shutdown(of.descriptor, SHUT_WR);
  enter(of, phase::lingering);
  make_ready(of); // its end may be there already
}

void shard_port::drop(session& of) {
  if (of.at == phase::gone)
    return;
  ::close(std::exchange(of.descriptor, -1)); // leaves epoll by itself
  of.at = phase::gone;
  shared_.counter(!of.counted).fetch_sub(1, std::memory_order_relaxed);
  finished_.push_back(&of);
  if (of.tail != nullptr && !of.tail->asked)
    end_tail(of);
}

// Frees sessions that are gone and owed nothing; none of the lists may still name them.
void shard_port::reap() {
  if (finished_.empty())
    return;
  std::size_t kept = 0;
  for (session* each : finished_) {
    if (each->answers.unanswered() != 0 || each->in_ready || each->in_waiting || each->in_tails) {
      finished_[kept++] = each;
      continue;
    }
    const std::uint32_t index = each->index;
    sessions_[index].reset();
    free_.push_back(index);
    --session_count_;
  }
  finished_.resize(kept);
}

// Nothing new is taken; every session finishes. Those that do not take what they are owed are cut off in the end.
void shard_port::drain_sessions() {
  if (drain_reported_)
    return;
  if (drain_until_ == time_point{}) {
    drain_until_ = now_ + shared_.limits.drain_timeout;
    if (listener_ >= 0)
      ::epoll_ctl(epoll_, EPOLL_CTL_DEL, std::exchange(listener_, -1), nullptr);
    for (const auto& each : sessions_) {
      if (each != nullptr && (each->at == phase::greeting || each->at == phase::open))
        enter(*each, phase::finishing);
    }
    flush_waiting();
  }
  if (now_ >= drain_until_) {
    for (const auto& each : sessions_) {
      if (each != nullptr)
        drop(*each);
    }
  }
  if (session_count_ == 0) {
    drain_reported_ = true;
    drained_();
  }
}

} // namespace tally::net
