using System.Text;
using Shouldly;
using Weft.Proxy.Tests.Http1;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Cases;

/// <summary>The independent response cases through the whole data plane; behind each, on the same connection, a request whose answer must be its own.</summary>
public sealed class ResponsesOverSocketsTests(ITestOutputHelper output)
{
    private const string SecondBody = "the second answer";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Cases_through_the_data_plane_all_hold()
    {
        var cases = MessageCase.Load("http1-responses.json");
        var verdicts = new List<(MessageCase Case, string? Failure)>();
        foreach (var one in cases) verdicts.Add((one, await RunAsync(one)));

        foreach (var group in verdicts.GroupBy(v => v.Case.Expect)) output.WriteLine($"{group.Key,-20} {group.Count(v => v.Failure is null)} of {group.Count()}");
        output.WriteLine($"score: {verdicts.Count(v => v.Failure is null)} of {verdicts.Count}");
        foreach (var (one, failure) in verdicts.Where(v => v.Failure is not null)) output.WriteLine($"{one.Id} [{one.Expect}] {one.Title}: {failure}");
        verdicts.Where(v => v.Failure is not null).ShouldBeEmpty();
    }

    private static async Task<string?> RunAsync(MessageCase one)
    {
        var closes = one.Text("then") == "close";
        await using var backend = new CaseBackend(request => request.Target == "/first"
            ? (one.Input, closes)
            : (Encoding.Latin1.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {SecondBody.Length}\r\n\r\n{SecondBody}"), false));
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address])
            .Listen(ProxyUnderTest.RouteAll("\"idle_timeout\": \"0.7s\"", "\"delayed_close_timeout\": \"0.2s\""));
        using var client = await CaseClient.ConnectAsync(proxy.Address);
        var head = one.Text("request_method") == "HEAD";
        await client.SendAsync(Encoding.Latin1.GetBytes($"{one.Text("request_method")} /first HTTP/1.1\r\nHost: x\r\n\r\n"));
        await client.ReadAsync(text => StrictMessage.Responses(text, ended: false, _ => head) is { Messages.Count: > 0 } or { Error: not null }, Patience);
        var first = StrictMessage.Responses(client.Text, client.Ended, _ => head);
        if (Judge(one, client, first.Messages, first.Left, first.Error) is { } failure) return failure;

        // Left-overs have a moment to arrive, then they would be the next answer.
        await Task.Delay(20);
        using var next = await CaseClient.ConnectAsync(proxy.Address);
        foreach (var asking in new[] { client, next }.Where(c => !c.Closed))
        {
            var before = asking.Text.Length;
            await asking.SendAsync("GET /second HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray());
            await asking.ReadAsync(text => text.Length > before && text.EndsWith(SecondBody, StringComparison.Ordinal), Patience);
            var second = StrictMessage.Responses(asking.Text[before..], asking.Ended, _ => false);
            if (asking.Closed && asking.Text.Length == before) continue; // closed meanwhile, as it may
            if (second is not { Error: null, Left: "", Messages: [{ Status: 200, Body: SecondBody }] }) return $"the second answer is {asking.Text[before..]}";
        }
        return proxy.Faults.Count > 0 ? proxy.Faults[0].ToString() : null;
    }

    private static string? Judge(MessageCase one, CaseClient client, List<StrictMessage> answers, string rest, string? error)
    {
        if (error is not null) return $"the client got what is not HTTP: {error}";
        if (answers.Count > 1) return $"{answers.Count} answers to one request";
        var delivered = answers.Count == 1 && rest.Length == 0 && answers[0].Status is not (502 or 503 or 504);
        if (answers.Count == 0 && !client.Closed) return $"neither answered nor closed: {client.Text}";
        return one.Expect switch
        {
            "reject" when delivered => $"delivered: {client.Text}",
            "accept" when !delivered => $"not delivered: {client.Text}",
            "accept" when answers[0].Body != Encoding.Latin1.GetString(Convert.FromBase64String(one.Text("client_body") ?? "")) => $"body {answers[0].Body}",
            "accept" when !Encoding.Latin1.GetString(one.Input).Contains($"HTTP/1.1 {answers[0].Status} ", StringComparison.Ordinal) => $"status {answers[0].Status}",
            _ => null,
        };
    }
}
