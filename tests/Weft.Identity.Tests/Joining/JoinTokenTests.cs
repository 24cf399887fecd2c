using System.Security.Cryptography;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Identity.Tests.Joining;

public sealed class JoinTokenTests
{
    private static readonly TrustDomain Domain = TrustDomain.Parse("weft.local");
    private static readonly byte[] Pin = SHA256.HashData("root"u8);

    [Fact]
    public void Text_is_read_back_and_the_log_form_keeps_the_secret()
    {
        var token = JoinToken.Create(Pin);
        JoinToken.TryParse($" {token.Text}\n", out var read, out _).ShouldBeTrue();
        read!.Id.ShouldBe(token.Id);
        read.SecretSha256.ShouldBe(token.SecretSha256);
        read.RootPin.ToArray().ShouldBe(Pin);

        var secret = token.Text.Split('.')[2];
        token.ToString().ShouldNotContain(secret);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("weft-join", "four parts")]
    [InlineData("weft-join.a.b", "four parts")]
    [InlineData("kubeadm.a.b.c", "starts with")]
    [InlineData("weft-join.short.b.c", "id")]
    [InlineData("weft-join.AAAAAAAAAAAAAAAAAAAAAA.b.c", "secret")]
    [InlineData("weft-join.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.c", "root hash")]
    [InlineData("weft-join.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+.c", "secret")]
    public void Damaged_text_is_refused_with_the_part_named(string text, string part)
    {
        JoinToken.TryParse(text, out _, out var error).ShouldBeFalse();
        error.ShouldContain(part);
    }

    [Fact]
    public async Task Stored_form_does_not_hold_the_secret_and_names_the_account()
    {
        var time = new ManualTime();
        var store = new MemoryJoinTokenStore();
        var (token, expiresAt) = await Issue(store, time);
        var stored = await store.FindAsync(token.Id, default);
        stored!.SecretSha256.ToArray().ShouldBe(SHA256.HashData(Secret(token)));
        (stored.Namespace, stored.ServiceAccount).ShouldBe(("default", "web"));
        expiresAt.ShouldBe(time.GetUtcNow() + TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task Token_is_redeemed_once()
    {
        var time = new ManualTime();
        var store = new MemoryJoinTokenStore();
        var (token, _) = await Issue(store, time);
        var book = new JoinTokenBook(store, JoinTokenBook.DefaultLifetime, time);
        (await book.RedeemAsync(token, default)).Refusal.ShouldBe(JoinRefusal.None);
        (await book.RedeemAsync(token, default)).Refusal.ShouldBe(JoinRefusal.UnknownOrUsed);
    }

    [Fact]
    public async Task Of_many_callers_at_once_one_redeems()
    {
        var time = new ManualTime();
        var store = new MemoryJoinTokenStore();
        var (token, _) = await Issue(store, time);
        var book = new JoinTokenBook(store, JoinTokenBook.DefaultLifetime, time);
        var results = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(async () => (await book.RedeemAsync(token, default)).Refusal)));
        results.Count(refusal => refusal == JoinRefusal.None).ShouldBe(1);
    }

    [Fact]
    public async Task Token_ends_at_its_last_second_exactly()
    {
        var time = new ManualTime();
        var store = new MemoryJoinTokenStore();
        var (token, _) = await Issue(store, time);
        var book = new JoinTokenBook(store, JoinTokenBook.DefaultLifetime, time);
        time.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromTicks(1));
        (await book.InspectAsync(token, default)).Refusal.ShouldBe(JoinRefusal.None);
        time.Advance(TimeSpan.FromTicks(1));
        (await book.RedeemAsync(token, default)).Refusal.ShouldBe(JoinRefusal.Expired);
    }

    [Fact]
    public async Task Right_id_with_another_secret_is_refused_and_leaves_the_token_usable()
    {
        var time = new ManualTime();
        var store = new MemoryJoinTokenStore();
        var (token, _) = await Issue(store, time);
        var parts = token.Text.Split('.');
        parts[2] = JoinToken.Create(Pin).Text.Split('.')[2];
        JoinToken.TryParse(string.Join('.', parts), out var forged, out _).ShouldBeTrue();

        var book = new JoinTokenBook(store, JoinTokenBook.DefaultLifetime, time);
        (await book.RedeemAsync(forged!, default)).Refusal.ShouldBe(JoinRefusal.WrongSecret);
        (await book.RedeemAsync(token, default)).Refusal.ShouldBe(JoinRefusal.None);
    }

    [Fact]
    public async Task Name_that_could_not_become_an_identity_is_refused_at_issue()
    {
        var book = new JoinTokenBook(new MemoryJoinTokenStore(), JoinTokenBook.DefaultLifetime, new ManualTime());
        await Should.ThrowAsync<FormatException>(async () => await book.IssueAsync(Domain, Pin, "default", "a/../b", default));
    }

    private static ValueTask<(JoinToken Token, DateTimeOffset ExpiresAt)> Issue(IJoinTokenStore store, TimeProvider time) =>
        new JoinTokenBook(store, JoinTokenBook.DefaultLifetime, time).IssueAsync(Domain, Pin, "default", "web", default);

    private static byte[] Secret(JoinToken token) => System.Buffers.Text.Base64Url.DecodeFromChars(token.Text.Split('.')[2]);
}
