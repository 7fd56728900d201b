from source_acumatica.reading.marks import mark_of


def test_a_text_has_always_the_mark_that_states_have_of_it_and_another_text_another_one():
    assert mark_of("admin") == "8c6976e5b541"
    assert len({mark_of(f"user {number}") for number in range(1000)}) == 1000
