using Bookshop;

// A bookshop of small services that know nothing of a mesh: plain ASP.NET Core and HttpClient, one process per service.
//   bookshop catalog --port 9081 [--version v2]
//   bookshop traffic --rate 20 --target http://storefront
var service = args.FirstOrDefault() ?? "";
var options = Options.Parse(args.Skip(1));
switch (service)
{
    case "storefront": return await Storefront.RunAsync(options);
    case "catalog": return await Catalog.RunAsync(options);
    case "reviews": return await Reviews.RunAsync(options);
    case "orders": return await Orders.RunAsync(options);
    case "payments": return await Payments.RunAsync(options);
    case "traffic": return await Traffic.RunAsync(options);
    default:
        Console.Error.WriteLine("usage: bookshop storefront|catalog|reviews|orders|payments --port N [--version V]");
        Console.Error.WriteLine("       bookshop traffic [--rate PER_SECOND] [--target URL]");
        return 2;
}
