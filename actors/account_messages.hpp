// What any CAF actor of the process may say to an account actor (ledger::account gives the handle), and what it answers.
// CAF stays inside the process, so none of these can be serialised.
//
//   account_query                  -> account_balances, as the `account` operation shows them
//   account_command                -> account_outcome: decided by the account, answered once its entries are on disk
//   anything else that is a request -> error sec::unexpected_message
//
// Monitors and links work as CAF has them. An account is the ledger's own: exit messages do not end it, whoever they come
// from, but for exit_reason::kill, which is a bug and ends the process (it starts again from the journal). When the ledger
// closes, monitors see a down_msg with exit_reason::user_shutdown.
#pragma once

#include "actors/owned_command.hpp"
#include "engine/account_view.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

#include <memory>
#include <string>

namespace tally::actors {

struct account_query {};

struct account_balances {
  std::string merchant;
  std::string account;
  account_view view;
};

// One of: earn, preview, redeem, claim, authorize, capture, void, reverse, adjust, suspend, reactivate, close, approve, reject.
// Merchant and account are the receiver's.
struct account_command {
  explicit account_command(const command& asked) : asked_(std::make_shared<const owned_command>(asked)) {}

  const command& get() const { return asked_->get(); }

private:
  std::shared_ptr<const owned_command> asked_; // messages are copied
};

struct account_outcome {
  outcome value;
};

} // namespace tally::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tally::actors::account_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tally::actors::account_balances)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tally::actors::account_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tally::actors::account_outcome)
