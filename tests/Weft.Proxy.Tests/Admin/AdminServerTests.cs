using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Admin;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Admin;

public sealed class AdminServerTests
{
    private const string Get = "GET /hello HTTP/1.1\nHost: 127.0.0.1\n\n";

    [Fact]
    public async Task Requests_on_one_connection_are_answered_in_order()
    {
        using var server = new AdminServerUnderTest();
        using var client = await server.ConnectAsync();
        await client.SendAsync("GET /hello?name=a HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /change HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabcGET /hello?name=b%20c HTTP/1.1\r\nHost: localhost\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("hello a\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("changed\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("hello b c\n");
    }

    [Fact]
    public async Task Curl_is_served()
    {
        using var server = new AdminServerUnderTest();
        var curl = Tool.Require("curl", "curl");
        (await Command.RunAsync(curl, "-sS", "-m", "5", "-i", $"http://{server.Address}/hello?name=curl")).ShouldEndWith("hello curl\n");
        (await Command.RunAsync(curl, "-sS", "-m", "5", "-X", "POST", "-d", "x=1", $"http://{server.Address}/change")).ShouldBe("changed\n");
        (await Command.RunAsync(curl, "-sS", "-m", "5", "-I", $"http://{server.Address}/hello")).ShouldContain("Content-Length: 13");
    }

    [Fact]
    public async Task The_root_lists_the_endpoints()
    {
        using var server = new AdminServerUnderTest();
        var response = await server.AskAsync("GET / HTTP/1.1\nHost: localhost\n\n");
        response.Status.ShouldBe(200);
        response.Body.ShouldContain("/hello: greets\n");
        response.Body.ShouldContain("/change: changes something (POST)\n");
    }

    [Fact]
    public async Task An_unknown_path_is_404_and_lists_the_endpoints()
    {
        using var server = new AdminServerUnderTest();
        var response = await server.AskAsync("GET /hello/ HTTP/1.1\nHost: localhost\n\n");
        response.Status.ShouldBe(404);
        response.Body.ShouldContain("/hello: greets");
    }

    [Theory]
    [InlineData("POST /hello", "GET, HEAD")]
    [InlineData("GET /change", "POST")]
    [InlineData("HEAD /change", "POST")]
    public async Task A_wrong_method_is_405_and_says_which_is_right(string request, string allowed)
    {
        using var server = new AdminServerUnderTest();
        var response = await server.AskAsync($"{request} HTTP/1.1\nHost: localhost\n\n", head: request.StartsWith("HEAD"));
        response.Status.ShouldBe(405);
        response["Allow"].ShouldBe(allowed);
    }

    [Fact]
    public async Task Head_has_the_length_and_no_body()
    {
        using var server = new AdminServerUnderTest();
        using var client = await server.ConnectAsync();
        await client.SendAsync("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
        (await client.ReadResponseAsync(head: true))["Content-Length"].ShouldBe("13");
        await client.SendAsync("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("hello nobody\n");
    }

    [Fact]
    public async Task An_endpoint_that_throws_is_500_whole_and_reported()
    {
        using var server = new AdminServerUnderTest();
        using var client = await server.ConnectAsync();
        await client.SendAsync("GET /fails HTTP/1.1\r\nHost: localhost\r\n\r\n");
        var response = await client.ReadResponseAsync();
        response.Status.ShouldBe(500);
        response.Body.ShouldBe("InvalidOperationException: on purpose\n");
        server.Thrown.ShouldHaveSingleItem();
        await client.SendAsync("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_page_of_another_origin_cannot_post()
    {
        using var server = new AdminServerUnderTest();
        (await server.AskAsync("POST /change HTTP/1.1\nHost: 127.0.0.1\nOrigin: https://evil.example\nContent-Length: 0\n\n")).Status.ShouldBe(403);
    }

    [Theory]
    [InlineData("rebound.example", 403)]
    [InlineData("localhost:15020", 200)]
    [InlineData("127.0.0.1:1", 200)]
    [InlineData("[::1]:1", 200)]
    public async Task A_name_that_was_moved_to_loopback_is_refused(string host, int status)
    {
        using var server = new AdminServerUnderTest();
        (await server.AskAsync($"GET /hello HTTP/1.1\nHost: {host}\n\n")).Status.ShouldBe(status);
    }

    [Fact]
    public async Task A_head_over_the_limit_is_431_and_names_the_limit()
    {
        using var server = new AdminServerUnderTest(new AdminSettings { MaxRequestBytes = 1000 });
        var response = await server.AskAsync($"GET /hello HTTP/1.1\nHost: localhost\nX-Long: {new string('x', 2000)}\n\n");
        response.Status.ShouldBe(431);
        response.Body.ShouldContain("1000");
        response.Body.ShouldMatch("Max[A-Za-z]+Bytes");
        response["Connection"].ShouldBe("close");
    }

    [Theory]
    [InlineData("\u0016\u0003\u0001\u0002", 400)]
    [InlineData("GET /hello HTTP/2.0\n\n", 505)]
    [InlineData("GET /hello HTTP/1.1\n\n", 400)]
    public async Task What_is_no_request_is_refused_and_closed(string bytes, int status)
    {
        using var server = new AdminServerUnderTest();
        using var client = await server.ConnectAsync();
        await client.SendAsync(bytes.ReplaceLineEndings("\r\n"));
        (await client.ReadResponseAsync()).Status.ShouldBe(status);
        (await client.ReadToEndAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_body_that_does_not_fit_costs_the_connection_not_the_answer()
    {
        using var server = new AdminServerUnderTest();
        using var client = await server.ConnectAsync();
        await client.SendAsync($"POST /change HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{new string('x', 100_000)}");
        var response = await client.ReadResponseAsync();
        response.Status.ShouldBe(200);
        response["Connection"].ShouldBe("close");
    }

    [Fact]
    public async Task A_head_that_comes_too_slowly_ends_the_connection()
    {
        using var server = new AdminServerUnderTest(new AdminSettings { RequestTimeout = TimeSpan.FromMilliseconds(300) });
        using var client = await server.ConnectAsync();
        var feeding = Task.Run(async () =>
        {
            try
            {
                for (var i = 0; i < 50; i++)
                {
                    await client.SendAsync("G");
                    await Task.Delay(50);
                }
            }
            catch (SocketException)
            {
                // Closed, as it should be.
            }
        });
        (await client.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(5))).ShouldBeEmpty();
        await feeding;
    }

    [Fact]
    public async Task A_client_that_does_not_read_blocks_nobody_and_is_closed()
    {
        var large = new AdminEndpoint("/large", "16 MB", (_, response) =>
        {
            for (var i = 0; i < 16 * 1024; i++) response.Body.Write(new string('x', 1024));
        });
        using var server = new AdminServerUnderTest(new AdminSettings { ResponseTimeout = TimeSpan.FromSeconds(1) }, large);
        using var slow = await server.ConnectAsync(receiveBuffer: 4096);
        await slow.SendAsync("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await Task.Delay(100);
        var before = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 20; i++) (await server.AskAsync(Get)).Status.ShouldBe(200);
        TimeProvider.System.GetElapsedTime(before).ShouldBeLessThan(TimeSpan.FromSeconds(1));

        await Task.Delay(1500);
        var received = 0;
        var block = new byte[65536];
        try
        {
            while (await slow.Socket.ReceiveAsync(block).WaitAsync(TimeSpan.FromSeconds(5)) is > 0 and var n) received += n;
        }
        catch (SocketException)
        {
            // Reset: as good as an end.
        }
        received.ShouldBeLessThan(16 * 1024 * 1024);
    }

    [Fact]
    public async Task A_client_that_reads_gets_a_large_answer_whole()
    {
        var large = new AdminEndpoint("/large", "5 MB", (_, response) =>
        {
            for (var i = 0; i < 100_000; i++) response.Body.Write($"line {i,6} äöü {'\ud83e'}{'\udde3'} 0123456789 0123456789\n");
        });
        using var server = new AdminServerUnderTest(null, large);
        using var http = new HttpClient();
        var text = await http.GetStringAsync(new Uri($"http://{server.Address}/large"));
        text.Split('\n').Length.ShouldBe(100_001);
        text.ShouldStartWith("line      0 äöü \ud83e\udde3 0");
        text.ShouldEndWith("line  99999 äöü \ud83e\udde3 0123456789 0123456789\n");
    }

    [Fact]
    public async Task One_connection_over_the_limit_is_told_so_and_the_others_go_on()
    {
        using var server = new AdminServerUnderTest(new AdminSettings { MaxConnections = 2 });
        using var first = await server.ConnectAsync();
        using var second = await server.ConnectAsync();
        foreach (var client in new[] { first, second })
        {
            await client.SendAsync(Get.ReplaceLineEndings("\r\n"));
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
        }
        using (var third = await server.ConnectAsync())
        {
            var refused = await third.ReadResponseAsync();
            refused.Status.ShouldBe(503);
            refused.Body.ShouldContain("2 connections, its limit MaxConnections");
        }
        first.Dispose();
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                return (await server.AskAsync(Get)).Status == 200;
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                return false;
            }
        });
    }

    [Fact]
    public void An_address_in_use_is_an_error_at_the_start()
    {
        using var server = new AdminServerUnderTest();
        Should.Throw<IOException>(() => new AdminServer(new AdminSettings { Address = server.Address }, [], TimeProvider.System, _ => { }))
            .Message.ShouldBe($"the admin endpoint cannot listen on {server.Address}: Address already in use");
    }

    [Fact]
    public async Task A_port_that_is_held_for_the_proxy_is_taken()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.SetRawSocketOption(1, 15, BitConverter.GetBytes(1)); // SO_REUSEPORT; bound and not listening, as `weft run` does
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        for (var restart = 0; restart < 3; restart++)
        {
            using var server = new AdminServer(new AdminSettings { Address = (IPEndPoint)holder.LocalEndPoint! }, [], TimeProvider.System, _ => { });
            using var client = await Pipelines.RawClient.ConnectAsync(server.Address);
            await client.SendAsync("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
        }
    }

    [Fact]
    public async Task Stopping_ends_open_connections()
    {
        var server = new AdminServerUnderTest();
        using var client = await server.ConnectAsync();
        await client.SendAsync(Get.ReplaceLineEndings("\r\n"));
        await client.ReadResponseAsync();
        server.Dispose();
        (await client.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(5))).ShouldBeEmpty();
    }
}
