using Shouldly;

namespace Weft.Proxy.Tests.Transport;

internal static class Streams
{
    /// <summary>Writes <paramref name="bytes"/> bytes in odd pieces while reading the echo with pauses, ends its direction, and compares.</summary>
    public static async Task ExchangeSlowly(Stream stream, int bytes, Action end)
    {
        var payload = new byte[bytes];
        new Random(bytes).NextBytes(payload);
        var writing = Task.Run(async () =>
        {
            var random = new Random(5);
            for (var at = 0; at < bytes;)
            {
                var count = Math.Min(random.Next(1, 100_000), bytes - at);
                await stream.WriteAsync(payload.AsMemory(at, count));
                at += count;
            }
            await stream.FlushAsync();
            end();
        });
        var got = new byte[bytes];
        var filled = 0;
        var reader = new Random(6);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (filled < bytes)
        {
            var count = await stream.ReadAsync(got.AsMemory(filled, Math.Min(reader.Next(1, 50_000), bytes - filled)), patience.Token);
            if (count == 0) break;
            filled += count;
            if (reader.Next(50) == 0) await Task.Delay(2);
        }
        filled.ShouldBe(bytes);
        got.AsSpan().SequenceEqual(payload).ShouldBeTrue("the echo differs");
        await writing;
        (await stream.ReadAsync(new byte[1], patience.Token)).ShouldBe(0);
    }
}
