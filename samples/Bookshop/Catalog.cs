namespace Bookshop;

/// <summary>Which books there are. Version v2 also says on which shelf.</summary>
public static class Catalog
{
    private static readonly Book[] Books =
    [
        new(1, "The Weaver's Handbook", "A. Heddle", 24.50m, "crafts"),
        new(2, "Warp and Weft", "M. Shuttle", 18.00m, "crafts"),
        new(3, "Threads in Practice", "J. Concurrent", 39.90m, "computing"),
        new(4, "A Mesh of One's Own", "V. Loom", 12.25m, "essays"),
    ];

    public static async Task<int> RunAsync(Options options)
    {
        var app = options.BuildApp();
        var books = options.Version == "v1" ? [.. Books.Select(b => b with { Shelf = null })] : Books;
        app.MapGet("/books", () => new CatalogPage(options.Version, books));
        app.MapGet("/books/{id:int}", (int id) => books.FirstOrDefault(b => b.Id == id) is { } book ? Results.Ok(book) : Results.NotFound());
        await app.RunAsync();
        return 0;
    }
}
