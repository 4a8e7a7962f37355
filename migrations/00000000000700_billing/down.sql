-- All payments, cards, the whole ledger, payouts, plans, subscriptions, rights and invoices are
-- lost: what the gateways hold is all that remains.
DROP TABLE invoices;
DROP TABLE invoice_numbers;
DROP TABLE entitlements;
DROP TABLE subscriptions;
DROP TABLE plans;
DROP TABLE ledger_balances;
DROP TABLE ledger_postings;
DROP TABLE ledger_journals;
DROP FUNCTION ledger_guard_balances();
DROP FUNCTION ledger_count();
DROP FUNCTION ledger_check_balanced();
DROP TABLE payout_accounts;
DROP TABLE payout_terms;
DROP TABLE payouts;
DROP TABLE gateway_messages;
DROP TABLE refunds;
DROP TABLE payments;
DROP TABLE saved_cards;
