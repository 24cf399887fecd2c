using System.Text;
using Shouldly;
using Weft.Routing.Headers;
using Xunit;
using Kind = Weft.Routing.Headers.HeaderOperationKind;

namespace Weft.Routing.Tests.Headers;

public sealed class HeaderMutationsTests
{
    /// <summary>Operations one by one on a list of fields: what the compiled form must come to.</summary>
    private static List<string> Naive(IEnumerable<HeaderOperation> operations, List<string> values)
    {
        values = [.. values];
        foreach (var operation in operations)
        {
            switch (operation.Kind)
            {
                case Kind.Remove: values.Clear(); break;
                case Kind.Append: values.Add(operation.Value); break;
                case Kind.AddIfAbsent: if (values.Count == 0) values.Add(operation.Value); break;
                case Kind.OverwriteOrAdd: values = [operation.Value]; break;
                case Kind.OverwriteIfExists: if (values.Count > 0) values = [operation.Value]; break;
            }
        }
        return values;
    }

    [Fact]
    public void Compiled_edits_equal_the_operations_applied_one_by_one()
    {
        var random = new Random(3);
        for (var round = 0; round < 2000; round++)
        {
            HeaderOperation[] operations = [.. Enumerable.Range(0, random.Next(1, 6)).Select(i => new HeaderOperation((Kind)random.Next(5), "x-a", $"v{i}"))];
            List<string> original = [.. Enumerable.Range(0, random.Next(3)).Select(i => $"o{i}")];

            var edit = HeaderMutationsBuilder.Build(operations).Edits[0];
            var written = (edit.DropsOriginal ? [] : original.Select(v => $"x-a: {v}\r\n")).Append(Encoding.UTF8.GetString(edit.Lines(original.Count > 0)));

            string.Concat(written).ShouldBe(string.Concat(Naive(operations, original).Select(v => $"x-a: {v}\r\n")));
        }
    }

    [Fact]
    public void Names_are_found_without_case()
    {
        var mutations = HeaderMutationsBuilder.Build([new HeaderOperation(Kind.Remove, "x-a"), new HeaderOperation(Kind.Append, "x-b", "1")]);

        mutations.IndexOf("X-B"u8).ShouldBe(1);
        mutations.IndexOf("x-c"u8).ShouldBe(-1);
        mutations.Edits[0].DropsOriginal.ShouldBeTrue();
        mutations.Edits[1].DropsOriginal.ShouldBeFalse();
    }
}
