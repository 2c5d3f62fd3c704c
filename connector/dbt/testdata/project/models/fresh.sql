select * from {{ ref('recent') }}
