// See client.hpp. The socket never blocks by itself: whoever waits, waits for both directions, so that a server that has
// stopped reading because nobody takes its answers is always let go on.
#include "net/client.hpp"

#include "net/document_codec.hpp"
#include "net/frame.hpp"
#include "net/operation_codec.hpp"
#include "net/reply_frame.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <optional>
#include <thread>

namespace tally::net {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::string_view software = "tally-client/0.1.0";
constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::size_t frame_bytes_target = request_frame_bytes_max / 4; // a frame is sent once it is larger
constexpr std::size_t frame_tables_target = request_tables_max / 4;
constexpr std::size_t operation_bytes_max = request_frame_bytes_max / 2; // as reckoned before it is encoded

failure unreachable(const std::string& what) { return {failure_code::unreachable, what}; }
failure broken_protocol(const std::string& what) { return {failure_code::protocol, what}; }
std::string errno_text(int error) { return std::strerror(error); }

// Owns one socket.
class socket_handle {
public:
  explicit socket_handle(int descriptor = -1) : descriptor_(descriptor) {}
  socket_handle(socket_handle&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  socket_handle& operator=(socket_handle&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~socket_handle() { close(); }

  int get() const { return descriptor_; }
  bool open() const { return descriptor_ >= 0; }
  void close() {
    if (descriptor_ >= 0)
      ::close(std::exchange(descriptor_, -1));
  }

private:
  int descriptor_;
};

// A request frame that was sent or is about to be, kept until its last operation is answered.
struct kept_frame {
  std::vector<std::byte> bytes;
  std::uint64_t first_id = 0;
  std::uint32_t operations = 0;
};

// An upper bound of what an operation takes on the wire, near enough to keep frames below their limit.
std::size_t wire_bytes(const command& operation) {
  std::size_t bytes = 512 + operation.merchant.size() + operation.account.size() + operation.order.size() + operation.reference.size() +
                      operation.token.size() + operation.terminal.size() + operation.cashier.size() + operation.note.size() +
                      operation.reason.size() + operation.to.size() + operation.phone.size() + operation.name.size() +
                      operation.toml.size();
  for (const sale_line& line : operation.lines)
    bytes += 64 + line.sku.size() + line.category.size();
  return bytes;
}

result<socket_handle> connect_to(const addrinfo& address, std::chrono::milliseconds timeout) {
  socket_handle handle(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!handle.open())
    return unreachable("socket: " + errno_text(errno));
  if (::connect(handle.get(), address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS)
    return unreachable(errno_text(errno));
  pollfd waiting{handle.get(), POLLOUT, 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, static_cast<int>(timeout.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0)
    return unreachable("timed out");
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(handle.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0)
    return unreachable(errno_text(error));
  const int on = 1;
  const unsigned int patience_ms = 30'000; // for a host that has gone without a word
  ::setsockopt(handle.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(handle.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(handle.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
  return handle;
}

result<socket_handle> connect_to(const client_options& options) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string where = options.host + ":" + std::to_string(options.port);
  if (const int error = ::getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &found); error != 0)
    return unreachable(where + ": " + ::gai_strerror(error));
  result<socket_handle> connected = unreachable(where + ": no address");
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    connected = connect_to(*at, options.connect_timeout);
    if (connected)
      break;
  }
  ::freeaddrinfo(found);
  if (!connected)
    return unreachable("cannot reach " + where + ": " + connected.error().what);
  return connected;
}

} // namespace

struct client::impl {
  explicit impl(const client_options& wanted) : options(wanted) {}

  result<void> open();
  result<void> send(const command& operation);
  result<void> finish_current();
  result<void> flush();
  result<answer> receive();
  bool has_answer();
  std::size_t unanswered() const { return static_cast<std::size_t>(next_id - next_answered); }

  // The socket. `false` in the result's place means: the connection broke, `why_broken` says how.
  bool write_some();
  bool read_some();
  bool wait(short events, int timeout_ms = -1);
  bool take_frames();
  bool take_frame(const wire::frame& frame, std::size_t bytes);
  result<void> exchange_until(bool (impl::*done)() const);
  bool all_written() const { return written == outgoing.size(); }
  bool room_for_more() const { return unanswered() < options.in_flight_max; }
  bool answer_waits() const { return next_received < next_answered; }
  result<void> recover();
  result<void> reconnect_once();
  void queue_again();
  void queue_bytes(frame_bytes bytes);
  void forget_answered();
  answer next_answer();
  answer cut_document();
  void drop_taken(std::size_t bytes);
  result<answer> tail(command operation, const std::function<bool(const answer*)>& take);
  bool wait_for_piece();
  void leave_tail();

  client_options options;
  socket_handle socket;
  std::string why_broken;
  std::optional<failure> fatal; // the other side does not speak our protocol: nothing helps

  // What is being built, and what is kept until answered.
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<void>> operations;
  std::vector<op> kinds;
  std::size_t bytes_building = 0, tables_building = 0;
  bool building = false;
  std::deque<kept_frame> kept;
  std::vector<std::vector<std::byte>> spare; // memory of frames that are done

  // Ids rise by one from 1. received <= answered <= next.
  std::uint64_t next_id = 1;       // of the next operation that is sent
  std::uint64_t next_answered = 1; // the first that the server has not answered
  std::uint64_t next_received = 1; // the first that the caller has not taken

  std::vector<std::byte> outgoing;
  std::size_t written = 0;

  // Bytes of the server: [taken, checked) are verified frames of answers, [checked, filled) is not looked at yet.
  std::vector<std::byte> incoming = std::vector<std::byte>(read_bytes);
  std::size_t taken = 0, checked = 0, filled = 0;
  std::uint32_t taken_replies = 0; // of the frame at `taken`
  bool greeted = false;            // the server's hello has come
  bool tailing = false;            // every answer is a piece of one operation's
};

result<void> client::impl::open() {
  auto connected = connect_to(options);
  if (!connected)
    return connected.error();
  socket = std::move(*connected);
  outgoing.clear();
  written = 0;
  filled = checked; // half a frame of the old connection
  greeted = false;
  flatbuffers::FlatBufferBuilder hello;
  queue_bytes(build_hello(hello, protocol_version, software));
  return {};
}

void client::impl::queue_bytes(frame_bytes bytes) {
  if (all_written()) {
    outgoing.clear();
    written = 0;
  }
  outgoing.insert(outgoing.end(), bytes.begin(), bytes.end());
}

result<void> client::impl::send(const command& operation) {
  if (operation.kind == op::none || static_cast<std::uint8_t>(operation.kind) >= op_count)
    return failure{failure_code::bad_argument, "not an operation"};
  const std::size_t bytes = wire_bytes(operation);
  if (bytes > operation_bytes_max || operation.lines.size() > request_tables_max / 2)
    return failure{failure_code::bad_argument, "the operation is too large for a frame"};
  if (!room_for_more()) {
    if (auto sent = finish_current(); !sent)
      return sent;
    if (auto waited = exchange_until(&impl::room_for_more); !waited)
      return waited;
  }
  if (building && (bytes_building + bytes > frame_bytes_target || tables_building + operation.lines.size() > frame_tables_target)) {
    if (auto sent = finish_current(); !sent)
      return sent;
  }
  if (!building) {
    begin_frame(builder);
    operations.clear();
    kinds.clear();
    bytes_building = tables_building = 0;
    building = true;
  }
  operations.push_back(encode_operation(builder, operation));
  kinds.push_back(operation.kind);
  bytes_building += bytes;
  tables_building += 1 + operation.lines.size();
  ++next_id;
  if (operations.size() >= std::min<std::size_t>(options.operations_per_frame, request_operations_max))
    return finish_current();
  return {};
}

// Closes the frame that is being built, keeps a copy and sends what the socket takes at once.
result<void> client::impl::finish_current() {
  if (!building)
    return {};
  building = false;
  const auto count = static_cast<std::uint32_t>(operations.size());
  const std::uint64_t first_id = next_id - count;
  const frame_bytes bytes = finish_request(builder, first_id, kinds, operations);
  kept_frame& frame = kept.emplace_back();
  if (!spare.empty()) {
    frame.bytes = std::move(spare.back());
    spare.pop_back();
  }
  frame.bytes.assign(bytes.begin(), bytes.end());
  frame.first_id = first_id;
  frame.operations = count;
  queue_bytes(bytes);
  if (!write_some())
    return recover();
  return {};
}

result<void> client::impl::flush() {
  if (fatal)
    return *fatal;
  if (auto sent = finish_current(); !sent)
    return sent;
  return exchange_until(&impl::all_written);
}

bool client::impl::has_answer() {
  if (!answer_waits() && socket.open() && !fatal)
    static_cast<void>(read_some()); // a broken connection shows when somebody waits
  return answer_waits();
}

result<answer> client::impl::receive() {
  if (next_received == next_id)
    return failure{failure_code::bad_argument, "nothing is in flight"};
  if (!answer_waits()) {
    if (auto sent = finish_current(); !sent)
      return sent.error();
    if (auto waited = exchange_until(&impl::answer_waits); !waited)
      return waited.error();
  }
  return next_answer();
}

// Writes and reads until the condition holds, connecting again where it must.
result<void> client::impl::exchange_until(bool (impl::*done)() const) {
  while (!(this->*done)()) {
    if (fatal)
      return *fatal;
    const bool works = socket.open() && wait(all_written() ? POLLIN : POLLIN | POLLOUT);
    if (!works) {
      if (auto recovered = recover(); !recovered)
        return recovered;
    }
  }
  return {};
}

// Waits for the socket and moves bytes both ways.
bool client::impl::wait(short events, int timeout_ms) {
  pollfd waiting{socket.get(), events, 0};
  const int ready = ::poll(&waiting, 1, timeout_ms);
  if (ready < 0)
    return errno == EINTR;
  if (ready == 0) {
    why_broken = "the server does not answer";
    return false;
  }
  if ((waiting.revents & POLLOUT) != 0 && !write_some())
    return false;
  if ((waiting.revents & ~POLLOUT) != 0)
    return read_some();
  return true;
}

bool client::impl::write_some() {
  while (socket.open() && !all_written()) {
    const ssize_t n = ::send(socket.get(), outgoing.data() + written, outgoing.size() - written, MSG_NOSIGNAL);
    if (n > 0) {
      written += static_cast<std::size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      return true;
    why_broken = errno_text(errno);
    static_cast<void>(read_some()); // what the server said before it closed, if anything
    return false;
  }
  return socket.open();
}

bool client::impl::read_some() {
  if (filled == incoming.size()) {
    if (taken > 0) {
      std::memmove(incoming.data(), incoming.data() + taken, filled - taken);
      checked -= taken;
      filled -= taken;
      taken = 0;
    } else {
      incoming.resize(incoming.size() * 2);
    }
  }
  const ssize_t n = ::recv(socket.get(), incoming.data() + filled, incoming.size() - filled, 0);
  if (n < 0)
    return errno == EAGAIN || errno == EINTR || (why_broken = errno_text(errno), false);
  if (n == 0) {
    why_broken = "the server closed the connection";
    return false;
  }
  filled += static_cast<std::size_t>(n);
  return take_frames();
}

// Verifies the frames that are complete and counts what they answer.
bool client::impl::take_frames() {
  for (;;) {
    const frame_bytes stream(incoming.data() + checked, filled - checked);
    const frame_cut cut = cut_frame(stream, answer_frame_bytes_max);
    if (cut.what == frame_cut::state::incomplete)
      return true;
    const wire::frame* frame = cut.what == frame_cut::state::complete ? verify_answer_frame(stream.first(cut.bytes)) : nullptr;
    if (frame == nullptr) {
      fatal = broken_protocol("the server does not speak Tallystick's protocol");
      return false;
    }
    if (!take_frame(*frame, cut.bytes))
      return false;
  }
}

bool client::impl::take_frame(const wire::frame& frame, std::size_t bytes) {
  if (const wire::hello* hello = frame.body_as_hello()) {
    if (hello->version() != protocol_version) {
      fatal = broken_protocol("the server speaks version " + std::to_string(hello->version()) + " of the protocol, this client " +
                              std::to_string(protocol_version));
      return false;
    }
    greeted = true;
    // hellos are not for the caller: cut it out, the frames before it may still be waiting
    std::memmove(incoming.data() + checked, incoming.data() + checked + bytes, filled - checked - bytes);
    filled -= bytes;
    return true;
  }
  const wire::answer& answers = *frame.body_as_answer();
  if (tailing && answers.outcome() != nullptr && answers.outcome()->head()->id() == next_answered) {
    checked += bytes;
    return true;
  }
  const auto* replies = answers.replies();
  const wire::outcome_document* document = answers.outcome();
  const std::uint64_t first_id = document != nullptr                         ? document->head()->id()
                                 : replies != nullptr && replies->size() > 0 ? replies->Get(0)->id()
                                                                             : 0;
  const std::uint64_t count = document != nullptr ? 1 : replies != nullptr ? replies->size() : 0;
  if (document != nullptr && first_id == 0) { // about the connection, not about an operation
    const std::string said = document->what() != nullptr ? document->what()->str() : "";
    why_broken = "the server refused the connection: " + said;
    if (static_cast<outcome_status>(document->head()->status()) == outcome_status::invalid)
      fatal = broken_protocol(why_broken);
    return false;
  }
  bool in_order = count > 0 && first_id == next_answered && count <= unanswered();
  for (std::uint64_t i = 0; in_order && document == nullptr && i < count; ++i)
    in_order = replies->Get(static_cast<flatbuffers::uoffset_t>(i))->id() == first_id + i;
  if (!in_order) {
    fatal = broken_protocol("the server answered out of order");
    return false;
  }
  next_answered += count;
  checked += bytes;
  forget_answered();
  return true;
}

void client::impl::forget_answered() {
  while (!kept.empty() && kept.front().first_id + kept.front().operations <= next_answered) {
    spare.push_back(std::move(kept.front().bytes));
    kept.pop_front();
  }
}

// The connection is gone: a new one, and everything that was not answered again. Operations keep their references, so
// that what was decided already is answered as a duplicate.
result<void> client::impl::recover() {
  socket.close();
  if (fatal)
    return *fatal;
  if (options.reconnect_for.count() == 0)
    return unreachable("lost the connection to " + options.host + ":" + std::to_string(options.port) + ": " + why_broken);
  const auto until = clock::now() + options.reconnect_for;
  std::chrono::milliseconds pause{10};
  for (;;) {
    auto again = reconnect_once();
    if (again || again.error().code != failure_code::unreachable)
      return again;
    if (clock::now() + pause >= until)
      return again;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(500));
  }
}

// A connection counts once the server has said hello: one that only accepts and closes would be tried without a pause.
result<void> client::impl::reconnect_once() {
  if (auto opened = open(); !opened)
    return opened;
  while (!greeted) {
    if (!wait(all_written() ? POLLIN : POLLIN | POLLOUT, static_cast<int>(options.connect_timeout.count()))) {
      socket.close();
      if (fatal)
        return *fatal;
      return unreachable("lost the connection to " + options.host + ":" + std::to_string(options.port) + ": " + why_broken);
    }
  }
  queue_again();
  return {};
}

void client::impl::queue_again() {
  operation_buffer lines;
  command operation;
  for (const kept_frame& frame : kept) {
    if (frame.first_id >= next_answered) {
      queue_bytes(frame.bytes);
      continue;
    }
    // answered in part: only the rest may go again, what was refused must not be decided anew
    const wire::request& old = *flatbuffers::GetSizePrefixedRoot<wire::frame>(frame.bytes.data())->body_as_request();
    flatbuffers::FlatBufferBuilder rest;
    begin_frame(rest);
    std::vector<flatbuffers::Offset<void>> tables;
    std::vector<op> types;
    for (auto i = static_cast<std::uint32_t>(next_answered - frame.first_id); i < frame.operations; ++i) {
      const auto kind = static_cast<op>(old.operations_type()->Get(i));
      static_cast<void>(decode_operation(kind, old.operations()->Get(i), lines, operation));
      tables.push_back(encode_operation(rest, operation));
      types.push_back(kind);
    }
    queue_bytes(finish_request(rest, next_answered, types, tables));
  }
}

// There is one at `taken`, verified.
answer client::impl::next_answer() {
  const frame_bytes stream(incoming.data() + taken, checked - taken);
  const wire::answer& frame = *flatbuffers::GetSizePrefixedRoot<wire::frame>(stream.data())->body_as_answer();
  ++next_received;
  if (frame.outcome() != nullptr)
    return cut_document();
  answer out;
  out.head = read_reply(*frame.replies()->Get(taken_replies));
  if (++taken_replies == frame.replies()->size()) {
    drop_taken(cut_frame(stream, answer_frame_bytes_max).bytes);
    taken_replies = 0;
  }
  return out;
}

// The frame at `taken`, which holds one.
answer client::impl::cut_document() {
  const frame_bytes stream(incoming.data() + taken, checked - taken);
  const std::size_t bytes = cut_frame(stream, answer_frame_bytes_max).bytes;
  answer out;
  out.bytes.assign(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(bytes));
  out.document = flatbuffers::GetSizePrefixedRoot<wire::frame>(out.bytes.data())->body_as_answer()->outcome();
  out.head = read_head(*out.document);
  drop_taken(bytes);
  return out;
}

void client::impl::drop_taken(std::size_t bytes) {
  taken += bytes;
  if (taken == filled)
    taken = checked = filled = 0;
}

// ---- a tail ------------------------------------------------------------------------------------------------------------

// The operation is sent anew on every connection, from where the last one ended: it is not kept for `queue_again`.
result<answer> client::impl::tail(command operation, const std::function<bool(const answer*)>& take) {
  for (;;) {
    if (auto sent = send(operation); !sent)
      return sent.error();
    tailing = true;
    auto out = finish_current();
    kept.clear();
    while (out && !fatal && wait_for_piece()) {
      if (taken == checked) {
        if (take(nullptr))
          continue;
        leave_tail();
        return answer{};
      }
      answer piece = cut_document();
      if (const auto* entries = piece.document->entries(); entries != nullptr && entries->size() > 0)
        operation.seq = seq_t{entries->Get(entries->size() - 1)->seq()->value() + 1};
      const bool is_over = piece.head.status != outcome_status::ok;
      if (is_over || !take(&piece)) {
        leave_tail();
        return piece;
      }
    }
    leave_tail();
    if (!out)
      return out.error();
    if (auto recovered = recover(); !recovered)
      return recovered.error();
  }
}

// False: the connection broke. True without a piece: none has come for a while.
bool client::impl::wait_for_piece() {
  constexpr int while_ms = 100;
  if (taken < checked)
    return true;
  pollfd waiting{socket.get(), static_cast<short>(all_written() ? POLLIN : POLLIN | POLLOUT), 0};
  const int ready = ::poll(&waiting, 1, while_ms);
  if (ready <= 0)
    return ready == 0 || errno == EINTR;
  if ((waiting.revents & POLLOUT) != 0 && !write_some())
    return false;
  return (waiting.revents & ~POLLOUT) == 0 || read_some() || taken < checked;
}

void client::impl::leave_tail() {
  socket.close();
  tailing = false;
  next_answered = next_received = next_id;
  taken = checked = filled = 0;
}

// ---- the client -------------------------------------------------------------------------------------------------------

client::client(std::unique_ptr<impl> implementation) : impl_(std::move(implementation)) {}
client::~client() = default;

result<std::unique_ptr<client>> client::connect(const client_options& options) {
  auto implementation = std::make_unique<impl>(options);
  if (auto opened = implementation->reconnect_once(); !opened)
    return opened.error();
  return std::unique_ptr<client>(new client(std::move(implementation)));
}

result<void> client::send(const command& operation) { return impl_->send(operation); }
result<void> client::flush() { return impl_->flush(); }
result<answer> client::receive() { return impl_->receive(); }
bool client::has_answer() { return impl_->has_answer(); }
std::size_t client::in_flight() const { return static_cast<std::size_t>(impl_->next_id - impl_->next_received); }

result<answer> client::call(const command& operation) {
  if (in_flight() != 0)
    return failure{failure_code::bad_argument, "something else is in flight"};
  if (auto sent = send(operation); !sent)
    return sent.error();
  return receive();
}

result<answer> client::tail(const command& operation, const std::function<bool(const answer*)>& take) {
  if (operation.kind != op::tail)
    return failure{failure_code::bad_argument, "not a tail"};
  if (in_flight() != 0)
    return failure{failure_code::bad_argument, "something else is in flight"};
  return impl_->tail(operation, take);
}

result<client_options> parse_server_address(std::string_view text) {
  const failure malformed{failure_code::bad_argument, "not an address: " + std::string(text) + " (expected HOST:PORT)"};
  client_options out;
  std::string_view host = text, port;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos)
      return malformed;
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':')
      return malformed;
    port = rest.empty() ? rest : rest.substr(1);
    if (!rest.empty() && port.empty())
      return malformed;
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty())
      return malformed;
  }
  if (host.empty())
    return malformed;
  out.host = host;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc{} || end != port.data() + port.size())
      return malformed;
  }
  return out;
}

} // namespace tally::net
