"""What users of other local services complain of, and the tests that show it does not happen here.

Each line is one of the collected complaints, with the issue that it was read in; each test is named where it is. A test
that is renamed or taken out is missed here.
"""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
SERVE, CONTRACT = "local/serve/", "contract/"
# By number: the complaint, and who answers it.
COMPLAINTS = {
    "L1 a second request kills the emulator (rie#97)": [
        f"{SERVE}test_platform.py test_a_first_burst_of_64_is_served_though_the_import_is_slow",
        f"{SERVE}test_platform.py test_calls_run_beside_each_other_up_to_the_limit_and_the_rest_waits",
        f"{CONTRACT}test_many_at_once.py test_sixty_four_and_none_lost",
    ],
    "L2 one call is three to eight runs (boto3#1104)": [
        f"{SERVE}test_invoke.py test_a_failure_is_a_function_error_once_and_the_next_call_is_served",
        f"{SERVE}test_platform.py test_a_client_that_gives_up_and_calls_again_is_named",
        f"{SERVE}test_command_clients.py test_the_aws_cli_runs_a_function_that_fails_once",
    ],
    "L3 errors look like success (rie#20)": [
        f"{SERVE}test_invoke.py test_a_failure_is_a_function_error_once_and_the_next_call_is_served",
        f"{SERVE}test_commands.py test_the_exit_codes",
    ],
    "L4 no streaming (rie#175)": [f"{SERVE}test_streams.py test_a_chunk_is_there_before_the_next_is_made"],
    "L5 saves are not seen through a mount (docker/for-win#56)": [
        f"{SERVE}test_reload.py test_every_way_to_change_a_file_is_seen",
        "image/test_serve.py test_a_save_on_the_host_is_seen_through_a_bind_mount",
    ],
    "L6 no debugger for Python, none after a save (sam#2668)": [
        f"{SERVE}test_debug.py test_an_editor_stops_the_function_also_after_a_save",
        f"{SERVE}test_debug.py test_turned_round_the_worker_comes_to_the_editor_also_after_a_save",
    ],
    "L7 no SIGTERM, at home or in images (RIC#105)": [
        f"{SERVE}test_lifecycle.py test_hooks_run_when_the_service_is_stopped",
        "local/test_lifecycle.py test_hooks_run_when_the_emulator_is_stopped",
        f"{CONTRACT}test_shutdown.py"
        " test_an_extension_without_events_is_registered_before_the_first_event_is_asked_for",
    ],
    "L8 a reload takes ten seconds, or does nothing (sam#2800)": [
        f"{SERVE}test_reload.py test_a_save_is_answered_by_the_new_code_in_less_than_a_second"
    ],
    "L9 a syntax error ends the server (ff#213)": [
        f"{SERVE}test_reload.py test_a_broken_file_is_shown_and_mended_by_the_next_save"
    ],
    "L10 an exception or None hangs the request (slsoff#1823)": [
        f"{SERVE}test_invoke.py test_a_failure_is_a_function_error_once_and_the_next_call_is_served",
        f"{SERVE}test_invoke.py test_none_is_null_and_no_event_is_an_empty_object",
        f"{SERVE}test_invoke.py test_a_broken_import_is_told_each_time",
    ],
    "L11 no Event (rie#32)": [f"{SERVE}test_background.py test_an_event_is_accepted_while_the_function_still_works"],
    "L12 retries and destinations cannot be tested (sam#2768)": [
        f"{SERVE}test_background.py test_a_failed_event_is_tried_again_with_the_same_id_and_recorded",
        f"{SERVE}test_background.py test_an_event_that_always_fails_is_given_up_loudly",
    ],
    "L13 a time-out is 200 with bare text (rie#21)": [
        f"{SERVE}test_invoke.py test_a_failure_is_a_function_error_once_and_the_next_call_is_served",
        f"{SERVE}test_invoke.py test_a_timeout_keeps_tmp_and_takes_a_new_process",
    ],
    "L14 a late success is accepted (floci#3154)": [
        f"{SERVE}test_platform.py test_an_answer_that_comes_late_is_nobodys"
    ],
    "L15 as many copies of the memory as workers (RIC#215)": [
        f"{CONTRACT}test_workers.py test_the_function_is_imported_once_and_its_hooks_run_before_the_fork",
        f"{SERVE}test_platform.py test_one_worker_is_asked_many_at_a_time",
    ],
    "L16 a neighbour's request id in the log (powertools-typescript#5429)": [
        f"{SERVE}test_platform.py test_every_line_of_64_at_once_has_its_own_id",
        f"{CONTRACT}test_many_at_once.py test_each_record_has_the_id_of_its_invocation",
    ],
    "L17 a dead worker stays in the pool (fakecloud#1644)": [
        f"{SERVE}test_platform.py test_a_worker_that_is_killed_while_it_waits_costs_nobody_a_call",
        f"{SERVE}test_kills.py test_a_worker_may_be_killed_at_any_moment",
    ],
    "L18 fifteen cold starts at once hang (ls#13195)": [
        f"{SERVE}test_platform.py test_a_first_burst_of_64_is_served_though_the_import_is_slow"
    ],
    "L19 no log tail (sam#2900)": [
        f"{SERVE}test_invoke.py test_the_log_comes_only_when_it_is_asked_for",
        f"{SERVE}test_invoke.py test_a_long_log_keeps_its_end",
    ],
    "L20 limits do not throttle (floci PR#424)": [
        f"{SERVE}test_platform.py test_over_the_queues_limit_callers_are_told_to_come_back",
        f"{SERVE}test_refusals.py test_no_reserved_concurrency_throttles_and_boto3_tries_again",
    ],
    "L21 out of memory is silent (sam#6260)": [
        f"{SERVE}test_platform.py test_a_worker_that_holds_too_much_is_killed_and_named"
    ],
    "L22 chunks come at the end (aws-sdk-php#2787)": [
        f"{SERVE}test_streams.py test_a_chunk_is_there_before_the_next_is_made",
        f"{SERVE}test_frameworks.py test_a_page_has_each_event_when_it_is_sent",
    ],
    "L23 a failure in the middle of a stream is not seen (aws-lambda-zig#3)": [
        f"{SERVE}test_streams.py test_a_failure_in_the_middle_is_told_at_the_end",
        f"{SERVE}test_streams.py test_a_process_that_ends_in_the_middle_is_told_at_the_end",
        f"{SERVE}test_invoke.py test_every_way_to_write_a_name",
    ],
    "L24 tenant and client context are lost (swift#607)": [
        f"{SERVE}test_invoke.py test_client_context_and_tenant_reach_the_context"
    ],
    "L25 a quiet connection is dropped (boto3#2325)": [
        f"{SERVE}test_platform.py test_a_quiet_connection_is_kept_alive"
    ],
    "L26 no /dev/shm (exchangelib#997)": [
        f"{CONTRACT}test_errors.py test_a_lock_between_processes_is_refused_with_a_way_out",
        "image/test_serve.py test_where_lambda_has_no_shared_memory_the_log_says_what_to_take",
    ],
    "L27 a fork fails near the limit (lithops#917)": [
        f"{CONTRACT}test_workers.py test_a_worker_that_keeps_dying_is_replaced_later_each_time",
        f"{CONTRACT}test_workers.py test_a_fork_that_fails_for_lack_of_memory_is_tried_again_and_the_others_go_on",
    ],
    # `serve` makes no snapshot: it answers a runtime that waits for the restore at once. What has to be new afterwards
    # is the runtime's part, and is shown where a snapshot is played.
    "L28 dead sockets and twin ids after a restore (smithy-kotlin#1656)": [
        f"{CONTRACT}test_snapshot.py test_nothing_times_out_while_the_snapshot_is_kept_and_a_new_connection_serves",
        f"{CONTRACT}test_snapshot.py test_twins_draw_different_numbers_from_the_shared_generator",
    ],
    "L29 a slow start runs twice (LWA#35)": [f"{SERVE}test_platform.py test_a_start_that_lambda_would_end_is_named"],
    "L30 reload on files that do not matter (ls#7466)": [
        f"{SERVE}test_reload.py test_what_does_not_matter_changes_nothing"
    ],
    "L31 async code is not reloaded (ff#397)": [
        f"{SERVE}test_reload.py test_a_save_is_answered_by_the_new_code_in_less_than_a_second",
        f"{SERVE}test_web_apps.py test_an_app_is_served_and_a_save_is_seen",
    ],
}


def test_all_of_them_are_here_in_their_order() -> None:
    assert [complaint.split()[0] for complaint in COMPLAINTS] == [f"L{number}" for number in range(1, 32)]


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_a_complaint_is_answered_by_tests_that_are_there(complaint: str) -> None:
    for place in COMPLAINTS[complaint]:
        file, name = place.split()
        tree = ast.parse((TESTS / file).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, place
