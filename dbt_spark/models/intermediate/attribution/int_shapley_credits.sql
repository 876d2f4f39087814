{{
    config(
        materialized='table',
    )
}}

with

channel_sets as (

    select
        array_sort(array_distinct(channels)) as channel_set,
        sum(conversion_count) as conversion_count,
        sum(conversion_count) / cast(sum(conversion_count + unconverted_count) as double) as conversion_rate
    from {{ ref('int_channel_paths') }}
    group by array_sort(array_distinct(channels))

),

converting_sets as (

    select
        channel_set,
        size(channel_set) as set_size,
        conversion_count,
        size(channel_set) <= 12 as is_exact
    from channel_sets
    where conversion_count > 0

),

coalitions as (

    -- a coalition that was never seen is worth 0 and needs no row
    select
        channel_set as coalition,
        size(channel_set) as coalition_size,
        conversion_rate
    from channel_sets
    where conversion_rate > 0

),

played as (

    select
        converting_sets.channel_set,
        converting_sets.set_size,
        explode(converting_sets.channel_set) as channel,
        coalitions.coalition,
        coalitions.coalition_size,
        coalitions.conversion_rate
    from converting_sets
    inner join coalitions
        on
            converting_sets.is_exact
            and converting_sets.set_size >= coalitions.coalition_size
            and size(array_except(coalitions.coalition, converting_sets.channel_set)) = 0

),

weighed as (

    -- what the coalition adds with the channel in it, and takes from the channel that stays out
    select
        channel_set,
        channel,
        coalition,
        case
            when array_contains(coalition, channel)
                then factorial(coalition_size - 1) * factorial(set_size - coalition_size)
            else -factorial(coalition_size) * factorial(set_size - coalition_size - 1)
        end / cast(factorial(set_size) as double) * conversion_rate as contribution
    from played

),

valued as (

    -- added up in one order, so that every run gives the same last digit
    select
        channel_set,
        channel,
        aggregate(
            array_sort(collect_list(struct(coalition, contribution))),
            0D,
            (total, item) -> total + item.contribution,
            -- what is not positive, but for the rounding of a sum
            total -> if(total > 1e-12D, total, 0D)
        ) as shapley_value
    from weighed
    group by channel_set, channel

),

members as (

    select
        channel_set,
        set_size,
        conversion_count,
        explode(channel_set) as channel
    from converting_sets

),

compared as (

    select
        members.*,
        coalesce(valued.shapley_value, 0D) as shapley_value,
        aggregate(
            transform(
                array_sort(
                    collect_list(struct(members.channel, coalesce(valued.shapley_value, 0D) as shapley_value))
                        over (partition by members.channel_set)
                ),
                item -> item.shapley_value
            ),
            0D,
            (total, shapley_value) -> total + shapley_value
        ) as value_total
    from members
    left join valued
        on
            members.channel_set = valued.channel_set
            and members.channel = valued.channel

),

shared as (

    select
        channel,
        channel_set,
        if(value_total > 0D, shapley_value / value_total, 1D / set_size) as credit,
        conversion_count
    from compared

),

credited as (

    select
        channel,
        aggregate(
            array_sort(collect_list(struct(channel_set, credit * conversion_count as conversions))),
            0D,
            (total, item) -> total + item.conversions
        ) as conversions
    from shared
    group by channel

)

select
    channel,
    conversions,
    conversions
    / aggregate(
        transform(
            array_sort(collect_list(struct(channel, conversions)) over ()),
            item -> item.conversions
        ),
        0D,
        (total, conversion_count) -> total + conversion_count
    ) as credit_share
from credited
