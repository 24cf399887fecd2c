using Xunit;

// Scenarios start a dozen processes each and measure waiting: on a machine of two cores they would measure each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
