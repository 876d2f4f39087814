{{
    config(
        materialized='table',
    )
}}

-- Channels are numbered from 1; state 0 is the start, state -1 the conversion. The state of those who leave without
-- one needs no row: it is what the others' probabilities lack to 1.
with

paths as (

    select channels, conversion_count, unconverted_count
    from {{ ref('int_channel_paths') }}

),

path_channels as (

    select distinct explode(channels) as channel from paths

),

numbered_channels as (

    select
        channel,
        row_number() over (
            order by channel
        ) as channel_number
    from path_channels

),

channel_numbers as (

    select
        map_from_entries(collect_list(struct(channel, channel_number))) as number_of,
        cast(count(*) as int) as channel_count
    from numbered_channels

),

steps as (

    -- as pairs: a look into a path's list for each of its steps would be quadratic. Null: the start, the conversion
    select
        conversion_count,
        unconverted_count,
        inline(arrays_zip(
            concat(array(cast(null as string)), channels),
            concat(channels, array(cast(null as string)))
        )) as (from_channel, to_channel)
    from paths

),

counted_steps as (

    select
        from_channel,
        to_channel,
        sum(conversion_count + if(to_channel is null, 0, unconverted_count)) as step_count,
        -- those who leave without a conversion count among the ways out of a state, too
        sum(conversion_count + unconverted_count) as exit_count
    from steps
    group by from_channel, to_channel

),

numbered_steps as (

    select
        if(counted_steps.from_channel is null, 0, channel_numbers.number_of[counted_steps.from_channel]) as from_state,
        if(counted_steps.to_channel is null, -1, channel_numbers.number_of[counted_steps.to_channel]) as to_state,
        counted_steps.step_count,
        counted_steps.exit_count
    from counted_steps
    cross join channel_numbers

),

left_states as (

    -- staying in a state changes no chance of where one ends, and what is near 1 would cost digits
    select
        numbered_steps.*,
        sum(exit_count) over (partition by from_state) as total_count
    from numbered_steps
    where from_state <> to_state

),

probabilities as (

    select
        from_state,
        map_from_entries(collect_list(struct(to_state, step_count / cast(total_count as double)))) as probability_to
    from left_states
    group by from_state

),

start_chances as (

    select probability_to as start_chance_of
    from probabilities
    where from_state = 0

),

equations as (

    -- a row of (I - Q | I), which the elimination turns into (I | N) with the fundamental matrix N
    select
        probabilities.from_state,
        channel_numbers.channel_count,
        coalesce(probabilities.probability_to[-1], 0D) as conversion_chance,
        transform(
            sequence(1, 2 * channel_numbers.channel_count),
            column_number -> case
                when column_number - probabilities.from_state in (0, channel_numbers.channel_count) then 1D
                when column_number > channel_numbers.channel_count then 0D
                else -coalesce(probabilities.probability_to[column_number], 0D)
            end
        ) as equation
    from probabilities
    cross join channel_numbers
    where probabilities.from_state > 0

),

systems as (

    select
        channel_count,
        array_sort(collect_list(struct(from_state, equation, conversion_chance))) as equations
    from equations
    group by channel_count

),

solved as (

    -- exploded, so that it is computed once
    select
        systems.channel_count,
        transform(systems.equations, item -> item.conversion_chance) as conversion_chances,
        start_chances.start_chance_of,
        explode(array(
            aggregate(
                sequence(1, systems.channel_count),
                transform(systems.equations, item -> item.equation),
                (matrix, pivot) -> transform(
                    matrix,
                    (equation, position) -> if(
                        position + 1 = pivot,
                        transform(equation, entry -> entry / equation[pivot - 1]),
                        zip_with(
                            equation, matrix[pivot - 1],
                            (entry, pivot_entry) -> entry
                            - equation[pivot - 1] * pivot_entry / matrix[pivot - 1][pivot - 1]
                        )
                    )
                )
            )
        )) as inverse
    from systems
    cross join start_chances

),

chances as (

    select
        numbered_channels.channel,
        coalesce(solved.start_chance_of[numbered_channels.channel_number], 0D) as start_chance,
        aggregate(
            zip_with(
                slice(
                    solved.inverse[numbered_channels.channel_number - 1],
                    solved.channel_count + 1,
                    solved.channel_count
                ),
                solved.conversion_chances,
                (visits, chance) -> visits * chance
            ),
            0D,
            (total, chance) -> total + chance
        ) as conversion_chance,
        -- the chance of ever being there is the expected number of visits by that of returns
        aggregate(
            transform(
                solved.inverse,
                (equation, position) -> coalesce(solved.start_chance_of[position + 1], 0D)
                * equation[solved.channel_count + numbered_channels.channel_number - 1]
            ),
            0D,
            (total, visits) -> total + visits
        ) / solved.inverse[
            numbered_channels.channel_number - 1
        ][
            solved.channel_count + numbered_channels.channel_number - 1
        ] as reach_chance
    from numbered_channels
    cross join solved

),

effects as (

    select
        channel,
        reach_chance * conversion_chance
        / aggregate(
            transform(
                array_sort(collect_list(struct(channel, start_chance * conversion_chance as chance)) over ()),
                item -> item.chance
            ),
            0D,
            (total, chance) -> total + chance
        ) as removal_effect
    from chances

),

summed as (

    select
        effects.*,
        aggregate(
            transform(
                array_sort(collect_list(struct(channel, removal_effect)) over ()),
                item -> item.removal_effect
            ),
            0D,
            (total, effect) -> total + effect
        ) as removal_effect_total
    from effects
    where removal_effect is not null

)

select
    channel,
    removal_effect,
    removal_effect / removal_effect_total as credit_share
from summed
