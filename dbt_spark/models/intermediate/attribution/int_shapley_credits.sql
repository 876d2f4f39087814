{{
    config(
        materialized='table',
    )
}}

with

paths as (

    select
        array_sort(array_distinct(channels)) as channel_set,
        conversion_count,
        unconverted_count,
        revenue
    from {{ ref('int_channel_paths') }}

),

channel_sets as (

    select
        channel_set,
        size(channel_set) as set_size,
        -- a bit for each channel, some share one: a set whose bits another lacks is no part of it
        aggregate(channel_set, 0L, (bits, channel) -> bits | shiftleft(1L, pmod(hash(channel), 63))) as bits,
        sum(conversion_count) as conversion_count,
        cast(sum(revenue) as decimal(28, 2)) as revenue,
        sum(conversion_count) / cast(sum(conversion_count + unconverted_count) as double) as conversion_rate
    from paths
    group by channel_set

),

converting_sets as (

    -- and a coalition that never converts, or was never seen, is worth 0 and needs no row
    select * from channel_sets
    where conversion_count > 0

),

played as (

    select
        converting_sets.channel_set,
        converting_sets.set_size,
        coalitions.channel_set as coalition,
        coalitions.set_size as coalition_size,
        coalitions.conversion_rate,
        explode(converting_sets.channel_set) as channel
    from converting_sets
    inner join converting_sets as coalitions
        on
            converting_sets.set_size <= 12
            and converting_sets.set_size >= coalitions.set_size
            -- looked at first, because it is cheap
            and coalitions.bits & ~converting_sets.bits = 0
            and size(array_except(coalitions.channel_set, converting_sets.channel_set)) = 0

),

weighed as (

    -- what the coalition adds with the channel in it, and takes from the channel that stays out
    select
        channel_set,
        channel,
        case
            when array_contains(coalition, channel)
                then factorial(coalition_size - 1) * factorial(set_size - coalition_size)
            else -factorial(coalition_size) * factorial(set_size - coalition_size - 1)
        end / cast(factorial(set_size) as double) * conversion_rate as contribution
    from played

),

valued as (

    select
        channel_set,
        channel,
        -- added up as decimals, whose sum is the same in every order
        cast(sum(cast(contribution as decimal(38, 30))) as double) as contribution
    from weighed
    group by channel_set, channel

),

members as (

    select
        channel_set,
        set_size,
        conversion_count,
        revenue,
        explode(channel_set) as channel
    from converting_sets

),

listed as (

    select
        members.channel_set,
        members.set_size,
        members.conversion_count,
        members.revenue,
        array_sort(collect_list(struct(
            members.channel,
            -- what is not positive, but for the rounding of a sum
            if(valued.contribution > 1e-12D, valued.contribution, 0D) as shapley_value
        ))) as items
    from members
    left join valued
        on
            members.channel_set = valued.channel_set
            and members.channel = valued.channel
    group by members.channel_set, members.set_size, members.conversion_count, members.revenue

),

totalled as (

    select
        listed.*,
        aggregate(items, 0D, (total, item) -> total + item.shapley_value) as value_total
    from listed

),

shared as (

    select
        channel_set,
        conversion_count,
        revenue,
        transform(
            items,
            item -> struct(
                item.channel,
                if(value_total > 0D, item.shapley_value / value_total, 1D / set_size) as credit
            )
        ) as items
    from totalled

),

counted as (

    select
        shared.*,
        transform(items, item -> {{ whole_share('item.credit') }}) as shares
    from shared

),

split as (

    select
        counted.*,
        {{ cent_parts('revenue', 'shares', total_share('shares')) }} as parts
    from counted

),

cut as (

    select
        split.*,
        {{ cent_cutoff('parts', 'revenue') }} as cutoff
    from split

),

exploded as (

    select
        channel_set,
        conversion_count,
        cutoff,
        inline(arrays_zip(items, parts)) as (item, part)
    from cut

),

credited as (

    select
        item.channel,
        sum({{ rounded_part('part', 'cutoff') }}) as revenue,
        array_sort(collect_list(struct(channel_set, item.credit * conversion_count as conversions))) as set_credits
    from exploded
    where item.credit > 0D
    group by item.channel

)

select
    channel,
    -- added up in one order, so that every run gives the same last digit
    aggregate(set_credits, 0D, (total, item) -> total + item.conversions) as conversions,
    cast(revenue as decimal(28, 2)) as revenue
from credited
