#include "tests/bench/scripted_server.hpp"

#include "net/frame.hpp"
#include "net/operation_codec.hpp"
#include "net/reply_frame.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <list>
#include <vector>

namespace tally::bench {

struct scripted_server::session {
  int socket;
  std::vector<std::byte> in;
};

namespace {

void send_all(int socket, const std::byte* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t put = ::send(socket, bytes, size, MSG_NOSIGNAL);
    if (put <= 0)
      return;
    bytes += put;
    size -= static_cast<std::size_t>(put);
  }
}

} // namespace

scripted_server::scripted_server(spoiler spoil) : spoil_(std::move(spoil)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  TALLY_ASSERT(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener_, 64) == 0);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  stop_ = ::eventfd(0, 0);
  thread_ = std::thread([this] { serve(); });
}

scripted_server::~scripted_server() {
  const std::uint64_t one = 1;
  (void)!::write(stop_, &one, sizeof one);
  thread_.join();
  ::close(listener_);
  ::close(stop_);
}

void scripted_server::serve() {
  std::list<session> sessions;
  while (true) {
    std::vector<pollfd> watched{{stop_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const session& one : sessions)
      watched.push_back({one.socket, POLLIN, 0});
    ::poll(watched.data(), watched.size(), -1);
    if (watched[0].revents != 0)
      break;
    std::size_t i = 2;
    for (auto at = sessions.begin(); at != sessions.end(); ++i) {
      if (watched[i].revents != 0 && !read(*at)) {
        ::close(at->socket);
        at = sessions.erase(at);
      } else {
        ++at;
      }
    }
    if (watched[1].revents != 0)
      sessions.push_back({::accept(listener_, nullptr, nullptr), {}});
  }
  for (const session& one : sessions)
    ::close(one.socket);
}

bool scripted_server::read(session& from) {
  std::byte chunk[65536];
  const ssize_t got = ::recv(from.socket, chunk, sizeof chunk, 0);
  if (got <= 0)
    return false;
  from.in.insert(from.in.end(), chunk, chunk + got);
  flatbuffers::FlatBufferBuilder builder;
  net::operation_buffer buffer;
  while (true) {
    const net::frame_cut cut = net::cut_frame(from.in, net::request_frame_bytes_max);
    if (cut.what == net::frame_cut::state::incomplete)
      return true;
    const wire::frame* frame = net::verify_request_frame({from.in.data(), cut.bytes});
    if (frame == nullptr)
      return false;
    if (frame->body_as_hello() != nullptr) {
      const net::frame_bytes hello = net::build_hello(builder, net::protocol_version, "scripted");
      send_all(from.socket, hello.data(), hello.size());
    } else if (const wire::request* request = frame->body_as_request()) {
      std::vector<std::byte> out(net::reply_frame_head_bytes);
      net::begin_reply_frame(out.data());
      std::uint32_t count = 0;
      for (std::uint32_t i = 0; i < request->operations()->size(); ++i) {
        command asked;
        const auto kind = static_cast<op>(request->operations_type()->Get(i));
        if (net::decode_operation(kind, request->operations()->GetAs<void>(i), buffer, asked) != nullptr)
          return false;
        outcome answer = decide(asked);
        ++operations_;
        if (spoil_ && !spoil_(asked, answer))
          continue;
        const wire::reply reply = net::make_reply(request->first_id() + i, answer);
        const auto* bytes = reinterpret_cast<const std::byte*>(&reply);
        out.insert(out.end(), bytes, bytes + sizeof reply);
        ++count;
      }
      net::set_reply_count(out.data(), count);
      send_all(from.socket, out.data(), out.size());
    }
    from.in.erase(from.in.begin(), from.in.begin() + static_cast<std::ptrdiff_t>(cut.bytes));
  }
}

outcome scripted_server::decide(const command& asked) {
  outcome answer;
  answer.kind = asked.kind;
  const auto [found, is_new] = members_.try_emplace(std::string(asked.account));
  member& who = found->second;
  const auto move = [&](std::int64_t points) {
    who.available += points;
    who.newest = ++seq_;
    answer.points = points_t{points};
  };
  const std::string order(asked.order);
  switch (asked.kind) {
  case op::enroll:
    if (is_new) {
      move(100);
      who.lifetime = 100;
    } else {
      answer.status = outcome_status::duplicate;
    }
    break;
  case op::earn:
    who.orders[order] = asked.total->units / 10'000;
    who.lifetime += who.orders[order];
    move(who.orders[order]);
    break;
  case op::redeem:
    if (who.available < asked.amount_points->value) {
      answer.status = outcome_status::rejected;
      answer.code = outcome_code::insufficient_points;
    } else {
      move(-asked.amount_points->value);
    }
    break;
  case op::reverse:
    if (const auto earned = who.orders.find(order); earned != who.orders.end()) {
      move(-earned->second);
      who.orders.erase(earned);
    } else {
      answer.status = outcome_status::rejected;
      answer.code = outcome_code::unknown_order;
    }
    break;
  default:
    break;
  }
  answer.seq = seq_t{who.newest};
  answer.available = points_t{who.available};
  answer.lifetime = points_t{who.lifetime};
  return answer;
}

} // namespace tally::bench
