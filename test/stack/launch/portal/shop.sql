-- The shop's database: made in one go, the same each time.
CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'What the web shop writes.';

CREATE TABLE shop.customer (
    id         bigint      PRIMARY KEY,
    email      text        NOT NULL UNIQUE,
    name       text        NOT NULL,
    country    char(2)     NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE shop.customer IS 'Who has an account. An address belongs to one account only.';
COMMENT ON COLUMN shop.customer.country IS 'ISO 3166-1 alpha-2 code of the billing address.';

CREATE TABLE shop.product (
    id          integer       PRIMARY KEY,
    name        text          NOT NULL,
    category    text          NOT NULL,
    price       numeric(10,2) NOT NULL CHECK (price > 0)
);
COMMENT ON TABLE shop.product IS 'What is for sale.';
COMMENT ON COLUMN shop.product.price IS 'In euro, with tax.';

CREATE TABLE shop.orders (
    id         bigint      PRIMARY KEY,
    customer   bigint      NOT NULL REFERENCES shop.customer,
    status     text        NOT NULL CHECK (status IN ('placed', 'paid', 'sent', 'returned')),
    placed_at  timestamptz NOT NULL
);
COMMENT ON TABLE shop.orders IS 'One row for each order, from the moment it is placed.';
CREATE INDEX orders_placed_at ON shop.orders (placed_at);

CREATE TABLE shop.order_item (
    orders     bigint        NOT NULL REFERENCES shop.orders,
    line       integer       NOT NULL,
    product    integer       NOT NULL REFERENCES shop.product,
    quantity   integer       NOT NULL CHECK (quantity > 0),
    price      numeric(10,2) NOT NULL,
    PRIMARY KEY (orders, line)
);
COMMENT ON COLUMN shop.order_item.price IS 'Of one piece at the time of the order, in euro.';

INSERT INTO shop.customer
SELECT n, 'customer' || n || '@example.org', 'Customer ' || n, (ARRAY['DE', 'FR', 'NL', 'PL', 'ES'])[1 + n % 5], now() - (n % 700) * interval '1 day'
FROM generate_series(1, 2000) n;
INSERT INTO shop.product
SELECT n, 'Product ' || n, (ARRAY['books', 'garden', 'kitchen', 'toys'])[1 + n % 4], 5 + (n * 37 % 9500) / 100.0
FROM generate_series(1, 200) n;
INSERT INTO shop.orders
SELECT n, 1 + n * 7919 % 2000, (ARRAY['sent', 'sent', 'sent', 'paid', 'returned', 'placed'])[1 + n % 6], now() - (20000 - n) * interval '13 minutes'
FROM generate_series(1, 20000) n;
INSERT INTO shop.order_item
SELECT o.id, l, p.id, 1 + (o.id + l) % 3, p.price
FROM shop.orders o, generate_series(1, 2) l, LATERAL (SELECT * FROM shop.product WHERE id = 1 + (o.id * 31 + l * 17) % 200) p;

CREATE VIEW shop.revenue AS
SELECT o.placed_at::date AS day, sum(i.quantity * i.price) AS euro
FROM shop.orders o JOIN shop.order_item i ON i.orders = o.id
WHERE o.status <> 'returned' GROUP BY 1;
COMMENT ON VIEW shop.revenue IS 'Sales of each day, without returns.';
ANALYZE;
