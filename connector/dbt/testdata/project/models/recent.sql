{{ config(materialized='ephemeral') }}
select * from {{ source('raw', 'events') }} where placed_at > timestamp '2026-11-02'
