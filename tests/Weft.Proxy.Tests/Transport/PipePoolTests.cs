using Shouldly;
using Weft.Proxy.Transport;
using Xunit;

namespace Weft.Proxy.Tests.Transport;

public sealed class PipePoolTests
{
    [Fact]
    public void A_worker_has_no_more_pipes_than_it_may_at_one_time()
    {
        using var pool = new PipePool(new PipeSettings { MaxPipes = 2, MaxIdlePipes = 2 });
        var first = pool.TryRent().ShouldNotBeNull();
        pool.TryRent().ShouldNotBeNull();
        pool.TryRent().ShouldBeNull();
        pool.Return(first);
        pool.TryRent().ShouldBeSameAs(first);
        pool.TryRent().ShouldBeNull();
    }

    [Fact]
    public void Pipes_that_nobody_uses_are_closed_but_for_a_few()
    {
        using var pool = new PipePool(new PipeSettings { MaxPipes = 20, MaxIdlePipes = 3 });
        var pipes = Enumerable.Range(0, 20).Select(_ => pool.TryRent().ShouldNotBeNull()).ToList();
        pool.Rented.ShouldBe(20);
        pipes.ForEach(pool.Return);
        (pool.Rented, pool.Idle).ShouldBe((0, 3));
    }

    [Fact]
    public void A_size_that_the_kernel_does_not_give_is_no_pipe()
    {
        using var pool = new PipePool(new PipeSettings { MaxPipes = 1, PipeBytes = int.MaxValue / 2 + 1 });
        pool.TryRent().ShouldBeNull(); // more than fs.pipe-max-size, and more than root may have: 1 GiB takes more slots than one allocation holds
    }
}
