// What shards, readers and programs post into a shard's inbox.
#pragma once

#include "actors/inbox.hpp"
#include "actors/owned_command.hpp"
#include "actors/port.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/mailbox_element.hpp>

#include <functional>
#include <vector>

namespace tally::actors {

class account_actor;

// Who asked: a port's connection at some shard, or a CAF actor by mail.
struct origin {
  std::uint32_t shard = 0;
  reply_to to;
  caf::mailbox_element* mail = nullptr; // on the account's own shard only
  bool names_account = false;           // the request named no account (a phone, a review): the answer does
};

// What one turn of a shard had for accounts of another one.
class forwarded_requests final : public inbox_message {
public:
  void add(const command& asked, const origin& who) { operations_.push_back({arena_.keep(asked), who}); }
  void deliver(shard_core& owner) override;

private:
  struct operation {
    command asked;
    origin who;
  };
  command_arena arena_;
  std::vector<operation> operations_;
};

// And the answers back to the shard where they were asked.
class forwarded_answers final : public inbox_message {
public:
  void add(const reply_to& to, const outcome& value, seq_t release_at) { answers_.push_back({to, release_at, value, nullptr}); }
  void add(const reply_to& to, std::unique_ptr<document> value, seq_t release_at) {
    answers_.push_back({to, release_at, {}, std::move(value)});
  }
  void deliver(shard_core& owner) override;

private:
  struct answer {
    reply_to to;
    seq_t release_at;
    outcome value;
    std::unique_ptr<document> long_value; // instead, where there is one
  };
  std::vector<answer> answers_;
};

// One message of a foreign actor for an account.
class account_mail final : public inbox_message {
public:
  account_mail(caf::strong_actor_ptr to, caf::mailbox_element_ptr what) : to_(std::move(to)), what_(std::move(what)) {}
  // Never delivered: the sender of a request is told.
  ~account_mail() override;
  void deliver(shard_core& owner) override;

private:
  caf::strong_actor_ptr to_;
  caf::mailbox_element_ptr what_;
};

// A validated document for the merchant's home shard, which makes it the next version.
class program_publication final : public inbox_message {
public:
  program_publication(std::shared_ptr<const owned_command> put, ruleset rules, const origin& asker)
      : asked(std::move(put)), read(std::move(rules)), who(asker) {}
  void deliver(shard_core& owner) override;

  std::shared_ptr<const owned_command> asked;
  ruleset read;
  origin who;
};

// Something to be done on the shard's thread.
class errand final : public inbox_message {
public:
  explicit errand(std::function<void(shard_core&)> act) : act_(std::move(act)) {}
  void deliver(shard_core& owner) override { act_(owner); }

private:
  std::function<void(shard_core&)> act_;
};

// A standstill (actors/standstill.hpp): shard 0 asks, every other shard parks and says so, and goes on when told.
class park_request final : public inbox_message {
public:
  void deliver(shard_core& owner) override;
};
class parked_notice final : public inbox_message {
public:
  void deliver(shard_core& owner) override;
};
class unpark_request final : public inbox_message {
public:
  void deliver(shard_core& owner) override;
  bool while_parked() const override { return true; }
};

} // namespace tally::actors
