{{ config(materialized='table') }}
select id, customer, status, amount, placed_at
from {{ ref('raw_orders') }}
