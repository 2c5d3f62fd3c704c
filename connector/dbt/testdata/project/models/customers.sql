select customer, count(*) as orders, sum(amount) as spent
from {{ ref('orders') }}
where customer is not null
group by customer
