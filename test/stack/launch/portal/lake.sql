-- The lake: raw copies of the shop's tables, and what is made of them.
CREATE SCHEMA lake.raw;
CREATE SCHEMA lake.marts;
CREATE TABLE lake.raw.orders COMMENT 'Copy of the shop''s orders.' WITH (partitioning = ARRAY['month(placed_at)']) AS
SELECT id, customer, CAST(status AS varchar) AS status, CAST(placed_at AS timestamp(6) with time zone) AS placed_at FROM app.shop.orders;
CREATE TABLE lake.raw.order_item COMMENT 'Copy of the shop''s order lines.' AS SELECT * FROM app.shop.order_item;
CREATE TABLE lake.raw.customer COMMENT 'Copy of the shop''s customers, without addresses.' AS SELECT id, CAST(country AS varchar) AS country FROM app.shop.customer;
CREATE TABLE lake.marts.revenue_daily COMMENT 'Sales of each day and country in euro, without returns.' AS
SELECT CAST(o.placed_at AS date) AS day, c.country, count(DISTINCT o.id) AS orders, sum(i.quantity * i.price) AS euro
FROM lake.raw.orders o JOIN lake.raw.order_item i ON i.orders = o.id JOIN lake.raw.customer c ON c.id = o.customer
WHERE o.status <> 'returned' GROUP BY 1, 2;
COMMENT ON COLUMN lake.marts.revenue_daily.euro IS 'With tax, at the price of the time of the order.';
CREATE VIEW lake.marts.revenue_by_country COMMENT 'Sales of each country in euro, all time.' AS
SELECT country, sum(euro) AS euro FROM lake.marts.revenue_daily GROUP BY country;
DELETE FROM lake.raw.orders WHERE status = 'placed' AND id < 100
