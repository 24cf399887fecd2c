using System.Collections.Concurrent;
using System.Text;
using Shouldly;
using Weft.Proxy.Tests.Http1;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Cases;

/// <summary>The independent request cases through the whole data plane: a connection each, a backend that reads strictly behind it.</summary>
public sealed class RequestsOverSocketsTests(ITestOutputHelper output)
{
    /// <summary>Everything goes to the backend, <c>OPTIONS *</c> and HTTP/1.0 too. The limits are long against scheduling, short against the number of cases that wait for one.</summary>
    private const string Manager = """
        {"request_headers_timeout": "0.8s", "request_timeout": "1s", "stream_idle_timeout": "1s", "delayed_close_timeout": "0.2s",
         "common_http_protocol_options": {"idle_timeout": "1s"}, "http_protocol_options": {"accept_http_10": true, "default_host_for_http_10": "default.test"},
         "route_config": {"name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": ""}, "route": {"cluster": "backend", "timeout": "0s"}}]}]}}
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(6);

    [Fact]
    public async Task Cases_through_the_data_plane_reach_the_bar()
    {
        var cases = new ConcurrentQueue<MessageCase>(MessageCase.Load("http1-requests.json"));
        var verdicts = new ConcurrentBag<(MessageCase Case, string? Failure)>();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => LaneAsync(cases, verdicts)));

        foreach (var group in verdicts.GroupBy(v => v.Case.Category).OrderBy(g => g.Key))
            output.WriteLine($"{group.Key,-16} {group.Count(v => v.Failure is null),4} of {group.Count(),4}");
        foreach (var (one, failure) in verdicts.Where(v => v.Failure is not null).OrderBy(v => v.Case.Id))
            output.WriteLine($"{one.Id} [{one.Expect} {one.Strength}{(one.Core ? " core" : "")}] {one.Title}: {failure}");
        output.WriteLine($"score: {verdicts.Count(v => v.Failure is null)} of {verdicts.Count}");

        verdicts.Where(v => v.Case is { Expect: "reject", Strength: "MUST" } && v.Failure is not null).ShouldBeEmpty();
        verdicts.Where(v => v.Case.ForbiddenTarget is not null && v.Failure is not null).ShouldBeEmpty();
        ((double)verdicts.Count(v => v.Failure is null) / verdicts.Count).ShouldBeGreaterThanOrEqualTo(0.99);
    }

    /// <summary>Cases one after the other over one proxy and one backend, whose connections live on from case to case.</summary>
    private static async Task LaneAsync(ConcurrentQueue<MessageCase> cases, ConcurrentBag<(MessageCase, string?)> verdicts)
    {
        await using var backend = new CaseBackend(_ => ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), false));
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(Manager);
        while (cases.TryDequeue(out var one)) verdicts.Add((one, await RunAsync(one, proxy, backend)));
        proxy.Faults.ShouldBeEmpty();
    }

    private static async Task<string?> RunAsync(MessageCase one, ProxyUnderTest proxy, CaseBackend backend)
    {
        backend.Clear();
        using var client = await CaseClient.ConnectAsync(proxy.Address);
        var wanted = one.Expect == "accept" ? one.Source.GetProperty("upstream").GetProperty("requests").GetArrayLength() : int.MaxValue;
        await client.SendAsync(one.Input);
        await client.ReadAsync(text => Answers(text) >= wanted, Patience);
        await Task.Delay(5); // what the proxy might still send upstream
        return Judge(one, client, backend.Received());
    }

    private static int Answers(string text) => text.Split("HTTP/1.1 200 OK\r\n").Length - 1;

    private static string? Judge(MessageCase one, CaseClient client, List<string> received)
    {
        var (requests, partial) = (new List<StrictMessage>(), new List<string>());
        foreach (var stream in received)
        {
            var (messages, rest, error) = StrictMessage.Requests(stream);
            if (error is not null) return $"the upstream got what is not HTTP: {error}";
            requests.AddRange(messages);
            if (rest.Length > 0) partial.Add(rest);
        }
        if (one.ForbiddenTarget is { } forbidden && requests.Exists(r => r.Target.Contains(forbidden, StringComparison.Ordinal))) return $"{forbidden} reached the upstream";
        return one.Expect switch
        {
            "accept" => JudgeAccept(one, client, requests),
            "reject" => JudgeReject(one, client, requests, partial),
            _ when requests.Count > one.Source.GetProperty("upstream").GetProperty("max_requests").GetInt32() => $"{requests.Count} requests reached the upstream",
            _ => null,
        };
    }

    private static string? JudgeReject(MessageCase one, CaseClient client, List<StrictMessage> requests, List<string> partial)
    {
        if (requests.Count > one.OkBefore) return $"{requests.Count} complete requests reached the upstream";
        // A head that is whole may have gone before what is wrong behind it.
        if (partial.Exists(p => one.Text("stage") is "headers" or "start-line" || !p.Contains("\r\n\r\n", StringComparison.Ordinal))) return $"a part of it reached the upstream: {partial[0]}";
        if (!client.Closed) return $"neither refused nor closed: {client.Text}";
        var answers = StrictMessage.Responses(client.Text, client.Ended, _ => false).Messages;
        var refusals = answers.SkipWhile(a => a.Status == 200).ToList();
        if (answers.Count - refusals.Count > one.OkBefore) return $"{answers.Count - refusals.Count} answers of 200";
        return refusals.Find(r => r.Status is < 400 or > 599) is { } odd ? $"answered {odd.Start}" : null;
    }

    private static string? JudgeAccept(MessageCase one, CaseClient client, List<StrictMessage> requests)
    {
        var expected = one.Source.GetProperty("upstream").GetProperty("requests").EnumerateArray().ToList();
        if (requests.Count != expected.Count) return $"{requests.Count} requests reached the upstream instead of {expected.Count}; the client got {Encoding.Latin1.GetByteCount(client.Text)} bytes: {client.Text.Split("\r\n\r\n")[^1]}";
        for (var i = 0; i < expected.Count; i++)
        {
            string Get(string name) => expected[i].TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";
            var request = requests[i];
            if (request.Method != Get("method")) return $"method {request.Method}";
            if (request.Target != Meant(Get("target"))) return $"target {request.Target} instead of {Meant(Get("target"))}";
            if (Get("host").Length != 0 && request["host"] != Get("host")) return $"host {request["host"]} instead of {Get("host")}";
            // The octets themselves: the cases' copy of a body differs from what they send where host names were changed afterwards.
            if (request.Body.Length != expected[i].GetProperty("body_len").GetInt32()) return $"body {request.Body}";
            if (Get("framing") == "content-length" && !Encoding.Latin1.GetString(one.Input).Contains(request.Body, StringComparison.Ordinal)) return $"body {request.Body}";
        }
        return Answers(client.Text) == expected.Count ? null : $"the client got {client.Text}";
    }

    /// <summary>What a target becomes on its way to an origin server: origin-form (RFC 9112 section 3.2.1), dot segments resolved (RFC 3986 section 5.2.4).</summary>
    private static string Meant(string target)
    {
        if (!target.StartsWith('/') && !target.Contains("://", StringComparison.Ordinal)) return target;
        var path = target.StartsWith('/') ? target : target.IndexOfAny(['/', '?'], target.IndexOf("://", StringComparison.Ordinal) + 3) is >= 0 and var at ? target[at..] : "/";
        if (path.StartsWith('?')) path = "/" + path;
        var isDotted = path.Contains("/.", StringComparison.Ordinal) || path.Contains("%2e", StringComparison.OrdinalIgnoreCase);
        return isDotted ? new Uri("http://x" + path).PathAndQuery : path;
    }
}
