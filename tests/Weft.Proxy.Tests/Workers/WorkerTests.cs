using System.Net;
using Shouldly;
using Weft.Proxy.Tests.Transport;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Workers;

public sealed class WorkerTests
{
    [Fact]
    public async Task Posts_from_many_threads_all_run_in_each_threads_order()
    {
        using var host = new WorkerHost();
        var last = new int[8];
        var disorder = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(t => Task.Run(() =>
        {
            for (var i = 1; i <= 20_000; i++)
            {
                var value = i;
                host.Worker.Post(() =>
                {
                    if (last[t] != value - 1) disorder++;
                    last[t] = value;
                });
                if (i % 1000 == 0) Thread.Sleep(1); // so that it also sleeps and is woken
            }
        })));
        host.Until(() => last.All(l => l == 20_000), "all ran");
        disorder.ShouldBe(0);
    }

    [Fact]
    public async Task An_idle_worker_does_not_turn_and_its_timers_are_on_time()
    {
        using var host = new WorkerHost();
        host.On(() => { });
        var turns = host.Worker.Turns;
        Thread.Sleep(200);
        (host.Worker.Turns - turns).ShouldBeLessThanOrEqualTo(1);
        host.Worker.IsWaiting.ShouldBeTrue();
        var fired = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = host.On(() =>
        {
            host.Worker.Timers.Schedule(new TimerNode(new Act(() => fired.SetResult(host.Worker.NowMs))), 80);
            return host.Worker.NowMs;
        });
        var late = await fired.Task.WaitAsync(WorkerHost.Patience) - started;
        late.ShouldBeInRange(80, 1_000);
    }

    [Fact]
    public void The_clock_is_the_injected_one()
    {
        var time = new ManualTime();
        using var worker = new Worker("w", new WorkerSettings(), time, _ => { });
        var fired = 0;
        worker.Timers.Schedule(new TimerNode(new Act(() => fired++)), 50);
        var start = worker.NowMs;
        time.Advance(TimeSpan.FromMilliseconds(49));
        worker.Turn(0);
        (fired, worker.NowMs - start, worker.NowMicros / 1000).ShouldBe((0, 49, worker.NowMs));
        time.Advance(TimeSpan.FromMilliseconds(1));
        worker.Turn(0);
        fired.ShouldBe(1);
    }

    /// <summary>Counting from the turn before would let it fire early by as long as the worker slept.</summary>
    [Fact]
    public void A_timer_set_while_an_event_is_handled_counts_from_that_event()
    {
        var time = new ManualTime();
        using var worker = new Worker("w", new WorkerSettings(), time, f => throw f.Exception);
        var fired = 0;
        var timer = new TimerNode(new Act(() => fired++));
        var listener = worker.Listen(WorkerHost.Loopback, new ListenOptions(), new AcceptAndClose(() => worker.Timers.Schedule(timer, 50)));
        worker.Turn(0);
        time.Advance(TimeSpan.FromMilliseconds(40));
        using var client = PlainChannelTests.Connect(listener.Local);
        worker.Turn(1_000);
        timer.DueMs.ShouldBe(worker.NowMs + 50);
        time.Advance(TimeSpan.FromMilliseconds(49));
        worker.Turn(0);
        fired.ShouldBe(0);
        time.Advance(TimeSpan.FromMilliseconds(1));
        worker.Turn(0);
        fired.ShouldBe(1);
        listener.Close();
    }

    [Theory]
    [InlineData("open")]
    [InlineData("readable")]
    [InlineData("failed")]
    public void A_throwing_channel_handler_loses_its_channel_and_nobody_elses(string where)
    {
        using var host = new WorkerHost();
        var bad = new Thrower(where);
        var accepted = 0;
        var listener = host.Listen(s => s.Plain(accepted++ == 1 ? bad : new Echo(host.Worker.Buffers)));
        using var bystander = PlainChannelTests.Connect(listener.Local);
        host.Until(() => accepted == 1, "the bystander is in");
        using var victim = PlainChannelTests.Connect(listener.Local);
        if (where != "open") victim.Send("x"u8);
        if (where == "failed") host.TakeFault().Exception.Message.ShouldBe("boom in readable");
        var fault = host.TakeFault();
        fault.Where.ShouldBe("channel");
        fault.Exception.Message.ShouldBe("boom in " + where);
        fault.State.ShouldContain(nameof(Thrower));
        if (where != "failed") host.Until(() => bad.Failures == 1, "the handler is told once, to let go of what it holds");
        Should.Throw<System.Net.Sockets.SocketException>(() => victim.Receive(new byte[1])).SocketErrorCode.ShouldBe(System.Net.Sockets.SocketError.ConnectionReset);
        bystander.Send("still here"u8);
        PlainChannelTests.ReadText(bystander, 10).ShouldBe("still here");
    }

    [Fact]
    public void Throwing_work_timers_and_acceptors_are_reported_and_survived()
    {
        using var host = new WorkerHost();
        host.Worker.Post(() => throw new InvalidOperationException("work"));
        var fault = host.TakeFault();
        (fault.Worker, fault.Where, fault.Exception.Message).ShouldBe(("test", "work", "work"));
        host.On(() => host.Worker.Timers.Schedule(new TimerNode(new Act(() => throw new InvalidOperationException("timer")), 7), 1));
        fault = host.TakeFault();
        (fault.Where, fault.Exception.Message).ShouldBe(("timer", "timer"));
        fault.State.ShouldContain("tag 7");
        var listener = host.Listen(_ => throw new InvalidOperationException("accept"));
        using var client = PlainChannelTests.Connect(listener.Local);
        fault = host.TakeFault();
        (fault.Where, fault.Exception.Message).ShouldBe(("accept", "accept"));
        client.Receive(new byte[1]).ShouldBe(0);
        host.On(() => host.Worker.SocketCount).ShouldBe(1);
    }

    [Fact]
    public void Paused_accepting_leaves_clients_in_the_backlog()
    {
        using var host = new WorkerHost();
        var listener = host.Listen(s => s.Plain(new Echo(host.Worker.Buffers)));
        host.On(listener.PauseAccepting);
        using var client = PlainChannelTests.Connect(listener.Local);
        client.Send("patience"u8);
        Thread.Sleep(100);
        host.On(() => listener.Accepted).ShouldBe(0);
        host.On(listener.ResumeAccepting);
        PlainChannelTests.ReadText(client, 8).ShouldBe("patience");
    }

    [Fact]
    public void Two_workers_share_an_address()
    {
        using var one = new WorkerHost();
        using var two = new WorkerHost();
        var first = one.Listen(s => s.Plain(new Echo(one.Worker.Buffers)));
        var second = two.Listen(s => s.Plain(new Echo(two.Worker.Buffers)), at: first.Local);
        for (var i = 0; i < 200 && (one.On(() => first.Accepted) == 0 || two.On(() => second.Accepted) == 0); i++)
        {
            using var client = PlainChannelTests.Connect(first.Local);
            client.Send("x"u8);
            PlainChannelTests.ReadText(client, 1).ShouldBe("x");
        }
        one.On(() => first.Accepted).ShouldBeGreaterThan(0);
        two.On(() => second.Accepted).ShouldBeGreaterThan(0);
    }

    [Fact]
    public void An_address_in_use_is_refused_in_words()
    {
        using var host = new WorkerHost();
        using var taken = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var e = Should.Throw<Proxy.Transport.SocketException>(() => host.Listen(s => s.Close(), at: (IPEndPoint)taken.LocalEndpoint));
        e.Message.ShouldBe($"bind to {taken.LocalEndpoint}: address already in use");
    }

    [Fact]
    public void The_watchdog_reports_a_standstill_once_and_never_an_idle_worker()
    {
        using var host = new WorkerHost();
        var time = new ManualTime();
        var reports = new List<Worker>();
        using var watchdog = new Watchdog([host.Worker], TimeSpan.FromSeconds(1), time, reports.Add);
        host.On(() => { });
        Thread.Sleep(50);
        for (var i = 0; i < 5; i++) time.Advance(TimeSpan.FromSeconds(1));
        reports.ShouldBeEmpty();
        using var release = new ManualResetEventSlim();
        using var entered = new ManualResetEventSlim();
        host.Worker.Post(() =>
        {
            entered.Set();
            release.Wait();
        });
        entered.Wait();
        for (var i = 0; i < 5; i++) time.Advance(TimeSpan.FromSeconds(1));
        release.Set();
        reports.ShouldBe([host.Worker]);
    }

    private sealed class Act(Action action) : ITimerHandler
    {
        public void OnTimer(TimerNode node) => action();
    }

    private sealed class AcceptAndClose(Action accepted) : IAcceptHandler
    {
        public void OnAccepted(AcceptedSocket socket)
        {
            accepted();
            socket.Close();
        }
    }

    private sealed class Thrower(string where) : IChannelHandler
    {
        public int Failures;

        public void OnOpen(Channel channel) => ThrowAt("open");

        public void OnReadable(Channel channel) => ThrowAt(where == "failed" ? "failed-first" : "readable");

        public void OnWritable(Channel channel) { }

        public void OnFailed(Channel channel)
        {
            Failures++;
            ThrowAt("failed");
        }

        private void ThrowAt(string place)
        {
            if (place == "failed-first") throw new InvalidOperationException("boom in readable");
            if (place == where) throw new InvalidOperationException("boom in " + place);
        }
    }
}
