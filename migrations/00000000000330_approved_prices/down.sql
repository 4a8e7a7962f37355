DROP TABLE approved_prices;
