using System.Net;
using Shouldly;
using Weft.Proxy.Names.Dns;
using Weft.Proxy.Names.Forwarding;
using Weft.Routing.Names;
using Xunit;

namespace Weft.Proxy.Tests.Names;

public sealed class AnswerCacheTests
{
    private static readonly DnsCacheLimits Small = new() { MaxEntries = 3, MaxBytes = 64 * 1024 };

    private static DnsAnswer Answer(uint seconds, int bytes = 16) => new(DnsRcode.NoError, isAuthentic: false, 1, new byte[bytes], [6], seconds);

    private static bool Has(AnswerCache cache, string key, long nowMs) => cache.TryFind(System.Text.Encoding.ASCII.GetBytes(key), nowMs, out _, out _);

    [Fact]
    public void An_answer_holds_for_its_time_and_tells_its_age()
    {
        var cache = new AnswerCache(Small);
        cache.Add("a"u8, Answer(10), nowMs: 1000);

        cache.TryFind("a"u8, 10_999, out var answer, out var age).ShouldBeTrue();
        age.ShouldBe(9u);
        answer!.LifetimeSeconds.ShouldBe(10u);
        Has(cache, "a", 11_000).ShouldBeFalse();
        (cache.Count, cache.Bytes).ShouldBe((0, 0L));
    }

    [Fact]
    public void What_holds_for_no_time_is_not_kept_and_a_newer_answer_takes_its_place()
    {
        var cache = new AnswerCache(Small);
        cache.Add("a"u8, Answer(0), 0);
        cache.Count.ShouldBe(0);
        cache.Add("a"u8, Answer(10), 0);
        cache.Add("a"u8, Answer(20), 0);
        cache.Count.ShouldBe(1);
        Has(cache, "a", 15_000).ShouldBeTrue();
        cache.Add("a"u8, Answer(0), 15_000);
        Has(cache, "a", 15_000).ShouldBeFalse();
    }

    [Fact]
    public void What_was_used_longest_ago_goes_first_by_number()
    {
        var cache = new AnswerCache(Small);
        foreach (var key in (string[])["a", "b", "c"]) cache.Add(System.Text.Encoding.ASCII.GetBytes(key), Answer(100), 0);
        Has(cache, "a", 1).ShouldBeTrue();
        cache.Add("d"u8, Answer(100), 1);

        (Has(cache, "a", 2), Has(cache, "b", 2), Has(cache, "c", 2), Has(cache, "d", 2)).ShouldBe((true, false, true, true));
    }

    [Fact]
    public void And_by_bytes_and_nothing_is_kept_that_alone_is_too_large()
    {
        var cache = new AnswerCache(new DnsCacheLimits { MaxEntries = 1000, MaxBytes = 64 * 1024 });
        for (var i = 0; i < 100; i++)
        {
            cache.Add([(byte)i], Answer(100, bytes: 10_000), 0);
            cache.Bytes.ShouldBeLessThanOrEqualTo(64 * 1024);
        }
        cache.Count.ShouldBe(6);
        cache.Add([200], Answer(100, bytes: 65_000), 0);
        cache.Count.ShouldBe(1, "it alone still fits");
        cache.Add([201], Answer(100, bytes: 65_500), 0);
        Has(cache, "\u00c9", 1).ShouldBeFalse();
        cache.Count.ShouldBe(1);
    }

    [Fact]
    public void Random_use_never_breaks_the_bounds_nor_the_order()
    {
        var random = new Random(3);
        var cache = new AnswerCache(new DnsCacheLimits { MaxEntries = 20, MaxBytes = 64 * 1024 });
        for (var now = 0L; now < 20_000; now += random.Next(50))
        {
            var key = new byte[] { (byte)random.Next(60) };
            if (random.Next(2) == 0) cache.Add(key, Answer((uint)random.Next(5), random.Next(6000)), now);
            else if (cache.TryFind(key, now, out var answer, out var age)) age.ShouldBeLessThan(answer.LifetimeSeconds);
            cache.Count.ShouldBeLessThanOrEqualTo(20);
            cache.Bytes.ShouldBeInRange(0, 64 * 1024);
        }
    }

    [Fact]
    public void Machines_resolvers_are_read_as_others_read_them()
    {
        ResolvConf.Parse("""
            # by somebody
            domain shop.test
            search a.test b.test
            nameserver 10.0.0.2
              nameserver	fd00::2   # not a comment to everybody, so what stands behind is not looked at
            nameserver 10.0.0.2
            nameserver nowhere
            nameserver
            options ndots:5
            """).ShouldBe([new IPEndPoint(IPAddress.Parse("10.0.0.2"), 53), new IPEndPoint(IPAddress.Parse("fd00::2"), 53)]);
        ResolvConf.Parse("").ShouldBeEmpty();
    }
}
