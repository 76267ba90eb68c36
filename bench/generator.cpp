#include "bench/generator.hpp"

#include "net/frame.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <vector>

namespace tally::bench {

namespace {

constexpr std::size_t receive_bytes = 256 * 1024;
constexpr std::size_t frame_bytes_max = 1024 * 1024; // of an answer; nothing asked for here is longer
constexpr long open_loop_tick_ns = 250'000;
constexpr long patience_ns = 20'000'000'000; // without any answer

failure system_failure(const std::string& what) { return {failure_code::unreachable, what + ": " + std::strerror(errno)}; }

} // namespace

std::int64_t steady_now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// An operation that is on its way.
struct flight {
  operation asked;
  std::int64_t started_ns = 0;
  bool open = false;
};

struct generator::connection {
  int socket = -1;
  std::uint64_t next_id = 1;
  std::uint32_t in_flight = 0;
  std::vector<flight> flights; // by id, a power of two of them
  std::vector<std::byte> out;
  std::size_t out_begin = 0, out_end = 0;
  std::vector<std::byte> in;
  std::size_t in_end = 0;
  bool writable_wanted = false;
};

struct generator::impl {
  explicit impl(const generator_options& wanted)
      : options(wanted), frame_operations(std::min(wanted.operations_per_frame, wanted.in_flight)),
        writer(wanted.merchant, frame_operations), batch(frame_operations) {}
  ~impl();

  result<void> connect_all();
  result<void> shake_hands(connection& to);
  result<void> receive_hello(connection& from);

  // Closed loop: fills every free place of the connection.
  result<void> fill(connection& to);
  // Open loop: sends what is due by now, over all connections in turn.
  result<void> send_due(std::int64_t now_ns);
  void write_batch(connection& to, std::size_t count, std::int64_t first_started_ns, double step_ns);
  result<void> flush(connection& to);
  result<void> receive(connection& from);
  result<void> read_frame(connection& from, std::span<const std::byte> frame);
  result<void> settle(connection& from, std::uint64_t id, const answer_numbers& answer);
  void want_writable(connection& of, bool wanted);

  generator_options options;
  std::uint32_t frame_operations;
  request_writer writer;
  std::vector<operation> batch;
  std::vector<connection> connections;
  int epoll = -1;

  // of the run
  traffic* source = nullptr;
  bool exhausted = false;
  std::uint64_t in_flight = 0;
  std::int64_t now_ns = 0;
  double rate = 0;
  std::int64_t run_started_ns = 0;
  std::uint64_t sent = 0;
  std::size_t turn = 0;
};

result<std::unique_ptr<generator>> generator::connect(const generator_options& options) {
  auto made = std::make_unique<impl>(options);
  if (auto connected = made->connect_all(); !connected)
    return connected.error();
  return std::unique_ptr<generator>(new generator(std::move(made)));
}

generator::generator(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
generator::~generator() = default;

generator::impl::~impl() {
  for (const connection& one : connections)
    if (one.socket >= 0)
      ::close(one.socket);
  if (epoll >= 0)
    ::close(epoll);
}

result<void> generator::run(traffic& what, double rate) {
  impl& my = *impl_;
  my.source = &what;
  my.exhausted = false;
  my.rate = rate;
  my.sent = 0;
  my.run_started_ns = my.now_ns = steady_now_ns();
  if (rate <= 0)
    for (connection& one : my.connections)
      if (auto filled = my.fill(one); !filled)
        return filled;

  std::vector<epoll_event> events(my.connections.size());
  std::int64_t heard_ns = my.now_ns;
  while (!my.exhausted || my.in_flight > 0) {
    if (rate > 0)
      if (auto sent = my.send_due(my.now_ns); !sent)
        return sent;
    const bool ticking = rate > 0 && !my.exhausted;
    const timespec wait{ticking ? 0 : 1, ticking ? open_loop_tick_ns : 0};
    const int ready = ::epoll_pwait2(my.epoll, events.data(), static_cast<int>(events.size()), &wait, nullptr);
    my.now_ns = steady_now_ns();
    if (ready < 0 && errno != EINTR)
      return system_failure("epoll_wait");
    for (int i = 0; i < ready; ++i) {
      connection& one = my.connections[events[static_cast<std::size_t>(i)].data.u32];
      if (events[static_cast<std::size_t>(i)].events & EPOLLOUT)
        if (auto flushed = my.flush(one); !flushed)
          return flushed;
      if (events[static_cast<std::size_t>(i)].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        my.now_ns = heard_ns = steady_now_ns();
        if (auto received = my.receive(one); !received)
          return received;
        if (rate <= 0)
          if (auto filled = my.fill(one); !filled)
            return filled;
      }
    }
    if (my.in_flight > 0 && my.now_ns - heard_ns > patience_ns)
      return failure{failure_code::unreachable, "the server has not answered for 20 s"};
    if (my.in_flight == 0)
      heard_ns = my.now_ns;
  }
  return {};
}

result<void> generator::impl::connect_all() {
  epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0)
    return system_failure("epoll_create");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &found); error != 0)
    return failure{failure_code::unreachable, options.host + ": " + ::gai_strerror(error)};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> address(found, ::freeaddrinfo);

  connections.resize(options.connections);
  for (std::uint32_t i = 0; i < options.connections; ++i) {
    connection& one = connections[i];
    one.socket = ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (one.socket < 0 || ::connect(one.socket, address->ai_addr, address->ai_addrlen) != 0)
      return system_failure(options.host + ":" + std::to_string(options.port));
    const int on = 1;
    ::setsockopt(one.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    one.flights.resize(std::bit_ceil(options.in_flight));
    one.out.resize(64 * 1024 + 2 * writer.bytes_max(frame_operations));
    one.in.resize(receive_bytes);
    if (auto shaken = shake_hands(one); !shaken)
      return shaken;
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.u32 = i;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, one.socket, &interest) != 0)
      return system_failure("epoll_ctl");
  }
  return {};
}

result<void> generator::impl::shake_hands(connection& to) {
  flatbuffers::FlatBufferBuilder builder;
  const net::frame_bytes hello = net::build_hello(builder, net::protocol_version, "tally bench");
  if (::send(to.socket, hello.data(), hello.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(hello.size()))
    return system_failure("send");
  return receive_hello(to);
}

result<void> generator::impl::receive_hello(connection& from) {
  while (true) {
    const ssize_t got = ::recv(from.socket, from.in.data() + from.in_end, from.in.size() - from.in_end, 0);
    if (got < 0)
      return system_failure("recv");
    if (got == 0)
      return failure{failure_code::unreachable, "the server closed the connection at its hello"};
    from.in_end += static_cast<std::size_t>(got);
    const net::frame_cut cut = net::cut_frame({from.in.data(), from.in_end}, from.in.size());
    if (cut.what == net::frame_cut::state::incomplete)
      continue;
    const wire::frame* frame =
        cut.what == net::frame_cut::state::complete ? net::verify_answer_frame({from.in.data(), cut.bytes}) : nullptr;
    const wire::hello* hello = frame != nullptr ? frame->body_as_hello() : nullptr;
    if (hello == nullptr || hello->version() != net::protocol_version)
      return failure{failure_code::protocol, "the server's hello is none, or of another version"};
    from.in_end -= cut.bytes;
    std::memmove(from.in.data(), from.in.data() + cut.bytes, from.in_end);
    return {};
  }
}

result<void> generator::impl::fill(connection& to) {
  while (!exhausted && options.in_flight - to.in_flight >= frame_operations) {
    std::size_t count = 0;
    while (count < frame_operations && !exhausted) {
      if (source->next(now_ns, batch[count]))
        ++count;
      else
        exhausted = true;
    }
    if (count > 0)
      write_batch(to, count, now_ns, 0);
  }
  return flush(to);
}

result<void> generator::impl::send_due(std::int64_t now) {
  const double step_ns = 1e9 / rate;
  auto due = static_cast<std::uint64_t>(static_cast<double>(now - run_started_ns) / step_ns);
  std::size_t full = 0;
  while (!exhausted && sent < due && full < connections.size()) {
    connection& to = connections[turn++ % connections.size()];
    const std::uint64_t room = std::min<std::uint64_t>({frame_operations, options.in_flight - to.in_flight, due - sent});
    if (room == 0) {
      ++full;
      continue;
    }
    std::size_t count = 0;
    while (count < room && !exhausted) {
      if (source->next(now, batch[count]))
        ++count;
      else
        exhausted = true;
    }
    if (count > 0) {
      write_batch(to, count, run_started_ns + static_cast<std::int64_t>(static_cast<double>(sent) * step_ns), step_ns);
      sent += count;
      if (auto flushed = flush(to); !flushed)
        return flushed;
    }
  }
  return {};
}

void generator::impl::write_batch(connection& to, std::size_t count, std::int64_t first_started_ns, double step_ns) {
  const std::size_t mask = to.flights.size() - 1;
  for (std::size_t i = 0; i < count; ++i) {
    flight& leaving = to.flights[(to.next_id + i) & mask];
    leaving.asked = batch[i];
    leaving.started_ns = first_started_ns + static_cast<std::int64_t>(static_cast<double>(i) * step_ns);
    leaving.open = true;
  }
  const std::size_t needed = to.out_end + writer.bytes_max(count);
  if (needed > to.out.size())
    to.out.resize(std::max(needed, to.out.size() * 2));
  to.out_end += writer.write({batch.data(), count}, to.next_id, to.out.data() + to.out_end);
  to.next_id += count;
  to.in_flight += static_cast<std::uint32_t>(count);
  in_flight += count;
}

result<void> generator::impl::flush(connection& to) {
  while (to.out_begin < to.out_end) {
    const ssize_t put = ::send(to.socket, to.out.data() + to.out_begin, to.out_end - to.out_begin, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0) {
      if (errno == EINTR)
        continue;
      if (errno != EAGAIN)
        return system_failure("send");
      want_writable(to, true);
      return {};
    }
    to.out_begin += static_cast<std::size_t>(put);
  }
  to.out_begin = to.out_end = 0;
  want_writable(to, false);
  return {};
}

void generator::impl::want_writable(connection& of, bool wanted) {
  if (of.writable_wanted == wanted)
    return;
  of.writable_wanted = wanted;
  epoll_event interest{};
  interest.events = EPOLLIN | (wanted ? std::uint32_t{EPOLLOUT} : 0u);
  interest.data.u32 = static_cast<std::uint32_t>(&of - connections.data());
  ::epoll_ctl(epoll, EPOLL_CTL_MOD, of.socket, &interest);
}

result<void> generator::impl::receive(connection& from) {
  const ssize_t got = ::recv(from.socket, from.in.data() + from.in_end, from.in.size() - from.in_end, MSG_DONTWAIT);
  if (got < 0)
    return errno == EAGAIN || errno == EINTR ? result<void>{} : system_failure("recv");
  if (got == 0)
    return failure{failure_code::unreachable, "the server closed a connection"};
  from.in_end += static_cast<std::size_t>(got);

  std::size_t at = 0;
  while (true) {
    const net::frame_cut cut = net::cut_frame({from.in.data() + at, from.in_end - at}, frame_bytes_max);
    if (cut.what == net::frame_cut::state::malformed)
      return failure{failure_code::protocol, "an answer whose length cannot be"};
    if (cut.bytes > from.in.size())
      from.in.resize(cut.bytes);
    if (cut.what == net::frame_cut::state::incomplete)
      break;
    if (auto read = read_frame(from, {from.in.data() + at, cut.bytes}); !read)
      return read;
    at += cut.bytes;
  }
  if (at > 0) {
    from.in_end -= at;
    std::memmove(from.in.data(), from.in.data() + at, from.in_end);
  }
  return {};
}

result<void> generator::impl::read_frame(connection& from, std::span<const std::byte> frame) {
  const wire::frame* verified = net::verify_answer_frame(frame);
  const wire::answer* answer = verified != nullptr ? verified->body_as_answer() : nullptr;
  if (answer == nullptr)
    return failure{failure_code::protocol, "a frame that is no answer or does not verify"};

  const auto numbers_of = [](const wire::reply& reply) {
    return answer_numbers{static_cast<outcome_status>(reply.status()),
                          static_cast<outcome_code>(reply.code()),
                          seq_t{reply.seq()},
                          points_t{reply.points()},
                          points_t{reply.available()},
                          points_t{reply.pending()},
                          points_t{reply.reserved()},
                          points_t{reply.lifetime()}};
  };
  if (const auto* replies = answer->replies()) {
    const std::size_t mask = from.flights.size() - 1;
    for (const wire::reply* reply : *replies)
      source->expect(from.flights[reply->id() & mask].asked);
    for (const wire::reply* reply : *replies)
      if (auto settled = settle(from, reply->id(), numbers_of(*reply)); !settled)
        return settled;
  }
  if (const wire::outcome_document* document = answer->outcome()) {
    answer_numbers numbers = numbers_of(*document->head());
    if (document->last_seq() != nullptr)
      numbers.seq = seq_t{document->last_seq()->value()};
    return settle(from, document->head()->id(), numbers);
  }
  return {};
}

result<void> generator::impl::settle(connection& from, std::uint64_t id, const answer_numbers& answer) {
  flight& landed = from.flights[id & (from.flights.size() - 1)];
  if (id >= from.next_id || from.next_id - id > from.flights.size() || !landed.open)
    return failure{failure_code::protocol, "an answer to operation " + std::to_string(id) + ", which is not in flight"};
  landed.open = false;
  --from.in_flight;
  --in_flight;
  source->answered(landed.asked, answer, landed.started_ns, now_ns);
  return {};
}

} // namespace tally::bench
