DROP TABLE bank_transfers;
