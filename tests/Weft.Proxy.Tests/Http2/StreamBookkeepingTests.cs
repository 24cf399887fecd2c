using Shouldly;
using Weft.Proxy.Http2;
using Xunit;

namespace Weft.Proxy.Tests.Http2;

public sealed class StreamBookkeepingTests
{
    [Fact]
    public void The_table_holds_what_a_dictionary_would()
    {
        var random = new Random(11);
        var table = new StreamTable();
        var model = new Dictionary<int, Http2Stream>();
        var next = 1;
        for (var step = 0; step < 20_000; step++)
        {
            if (random.Next(2) == 0 && model.Count < 300)
            {
                next += 2 * random.Next(1, 40); // ids are passed over
                var stream = new SessionPair.Peer().Stream;
                stream.Id = next;
                table.Add(stream);
                model.Add(next, stream);
            }
            else if (model.Count > 0)
            {
                var id = model.Keys.ElementAt(random.Next(model.Count));
                table.Remove(model[id]);
                model.Remove(id);
            }
            table.Count.ShouldBe(model.Count);
            var asked = random.Next(1, next + 10);
            table.Find(asked).ShouldBe(model.GetValueOrDefault(asked));
        }
        var all = new List<Http2Stream>();
        table.CopyTo(all);
        all.Select(s => s.Id).Order().ShouldBe(model.Keys.Order());
    }

    [Fact]
    public void The_ends_of_the_last_streams_are_remembered_and_of_no_others()
    {
        var random = new Random(5);
        var history = new StreamHistory();
        var model = new Dictionary<int, StreamEnd>();
        var newest = 0;
        for (var step = 0; step < 5_000; step++)
        {
            if (random.Next(3) > 0)
            {
                newest += newest == 0 ? 1 : 2 * (random.Next(50) == 0 ? random.Next(1, 3000) : 1);
                history.Opened(newest);
            }
            else if (newest > 0)
            {
                var id = Math.Max(1, newest - 2 * random.Next(0, 1200));
                var end = (StreamEnd)random.Next(1, 4);
                history.Ended(id, end);
                if (newest - id < StreamHistory.Remembered * 2) model[id] = end;
            }
            var asked = Math.Max(1, newest - 2 * random.Next(0, 1500));
            history[asked].ShouldBe(newest - asked < StreamHistory.Remembered * 2 ? model.GetValueOrDefault(asked) : StreamEnd.Unknown, $"{asked} of {newest}");
        }
    }
}
