with

credits as (

    select model, channel, weight, revenue, attributed_revenue, attribution_status
    from {{ ref('multi_touch_attribution') }}

),

rule_based as (

    select
        model,
        channel,
        attribution_status = 'marketing' as is_marketing,
        sum(weight) as conversions,
        sum(attributed_revenue) as revenue,
        sum(if(attribution_status = 'marketing', 0, revenue - attributed_revenue)) as unattributed_revenue
    from credits
    group by model, channel, attribution_status = 'marketing'

),

marketing_totals as (

    -- of whichever model: they all share the same conversions
    select
        sum(conversions) as conversions,
        sum(revenue) as revenue
    from rule_based
    where is_marketing and model = 'last_touch'

),

data_driven_models as (

    select explode(array('markov', 'shapley')) as model

),

markov_listed as (

    select
        marketing_totals.conversions,
        marketing_totals.revenue,
        array_sort(collect_list(struct(
            markov_credits.channel,
            markov_credits.credit_share,
            {{ whole_share('markov_credits.credit_share') }} as share
        ))) as items
    from {{ ref('int_markov_credits') }} as markov_credits
    cross join marketing_totals
    where markov_credits.credit_share > 0
    group by marketing_totals.conversions, marketing_totals.revenue

),

markov_counted as (

    select
        markov_listed.*,
        transform(items, item -> item.share) as shares
    from markov_listed

),

markov_split as (

    select
        markov_counted.*,
        {{ cent_parts('revenue', 'shares', total_share('shares')) }} as parts
    from markov_counted

),

markov_cut as (

    select
        markov_split.*,
        {{ cent_cutoff('parts', 'revenue') }} as cutoff
    from markov_split

),

markov_exploded as (

    select
        conversions,
        cutoff,
        inline(arrays_zip(items, parts)) as (item, part)
    from markov_cut

),

data_driven as (

    select
        'markov' as model,
        item.channel,
        item.credit_share * conversions as conversions,
        {{ rounded_part('part', 'cutoff') }} as revenue,
        0 as unattributed_revenue
    from markov_exploded
    union all
    select
        'shapley' as model,
        channel,
        conversions,
        revenue,
        0 as unattributed_revenue
    from {{ ref('int_shapley_credits') }}
    union all
    -- conversions without a marketing touch in their window are the same in every model
    select
        data_driven_models.model,
        rule_based.channel,
        rule_based.conversions,
        rule_based.revenue,
        rule_based.unattributed_revenue
    from rule_based
    cross join data_driven_models
    where not rule_based.is_marketing and rule_based.model = 'last_touch'

),

model_credits as (

    select model, channel, conversions, revenue, unattributed_revenue from rule_based
    union all
    select model, channel, conversions, revenue, unattributed_revenue from data_driven

),

channel_costs as (

    select channel, cost from {{ ref('int_channel_costs') }}

),

compared_channels as (

    -- what was spent on and brought nothing is a row too
    select channel from model_credits
    union
    select channel from channel_costs

),

models as (

    select explode(array(
        'first_touch', 'last_touch', 'linear', 'position_based', 'time_decay', 'markov', 'shapley'
    )) as model

),

compared as (

    select
        compared_channels.channel,
        models.model,
        cast(coalesce(sum(model_credits.conversions), 0) as double) as conversions,
        cast(coalesce(sum(model_credits.revenue), 0) as decimal(28, 2)) as revenue,
        cast(coalesce(sum(model_credits.unattributed_revenue), 0) as decimal(28, 2)) as unattributed_revenue
    from compared_channels
    cross join models
    left join model_credits
        on
            compared_channels.channel = model_credits.channel
            and models.model = model_credits.model
    group by compared_channels.channel, models.model

),

shared as (

    select
        compared.*,
        cast(revenue as double) / nullif(cast(sum(revenue) over (partition by model) as double), 0D) as revenue_share
    from compared

),

last_touch as (

    select channel, conversions, revenue, revenue_share from shared
    where model = 'last_touch'

)

select
    shared.channel,
    shared.model,
    shared.conversions,
    shared.revenue,
    shared.revenue_share,
    shared.unattributed_revenue,
    shared.conversions - last_touch.conversions as conversions_shift,
    cast(shared.revenue - last_touch.revenue as decimal(28, 2)) as revenue_shift,
    shared.revenue_share - last_touch.revenue_share as share_shift,
    cast(coalesce(channel_costs.cost, 0) as decimal(28, 2)) as cost,
    {{ cost_per_conversion('coalesce(channel_costs.cost, 0)', 'shared.conversions') }} as cpa,
    cast(shared.revenue as double) / nullif(cast(channel_costs.cost as double), 0D) as roas
from shared
inner join last_touch
    on shared.channel = last_touch.channel
left join channel_costs
    on shared.channel = channel_costs.channel
